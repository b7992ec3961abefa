"""The models to choose from, as rows of a list."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt

from app.words import compact, file_size
from core.errors import UserError
from core.memory.devices import Device
from core.memory.methods import METHODS
from core.memory.plan import plan_methods
from core.memory.verdict import judge
from core.models.info import BrokenModel, ModelInfo
from core.models.sources import is_hub_id
from core.settings import RunSettings

Index = QModelIndex | QPersistentModelIndex
ENTRY = Qt.ItemDataRole.UserRole
BADGES = tuple(m for m in METHODS if (m.name, m.bits) == ("lora", 16) or m.double_quant)


@dataclass(frozen=True)
class Entry:
    """One row.

    Attributes:
        answers: "fits", "tight" or "does not fit" for LoRA and for QLoRA 4-bit with double
            quantization; empty while they are not known.
    """

    model: ModelInfo | BrokenModel
    recent: bool
    answers: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """Value of `model.source`."""
        return self.model.source

    @property
    def kind(self) -> str:
        """Group of the filter: starter, local, hub or broken."""
        if isinstance(self.model, BrokenModel):
            return "hub" if is_hub_id(self.source) else "broken"
        return {"starter": "starter", "hub": "hub"}.get(self.model.kind, "local")

    @property
    def problem(self) -> str:
        """What is wrong with it, empty if nothing is."""
        return self.model.message if isinstance(self.model, BrokenModel) else ""

    @property
    def origin(self) -> str:
        """Where it comes from, for the second line."""
        if self.kind == "starter":
            return "comes with Rankscope"
        if self.kind == "hub":
            return f"hub · {self.source}"
        home = str(Path.home())
        return self.source.replace(home, "~", 1) if self.source.startswith(home) else self.source

    @property
    def words(self) -> str:
        """The row for a screen reader and for the search."""
        if isinstance(self.model, BrokenModel):
            return f"{self.model.name}, cannot be used: {self.model.message}"
        size = f"{compact(self.model.parameters)} parameters, {file_size(self.model.disk_bytes)}"
        return f"{self.model.name}, {self.origin}, {size}, {self.model.licence}"


def judged(entry: Entry, settings: RunSettings, device: Device) -> Entry:
    """Return the entry with its badges: does LoRA fit, does QLoRA 4-bit DQ fit."""
    if isinstance(entry.model, BrokenModel):
        return entry
    for targets in (settings.adapter.targets, ("all-linear",)):
        tried = settings.with_changes({"adapter.targets": targets})
        try:
            plans = plan_methods(entry.model, tried, device, methods=BADGES)
        except UserError:  # modules of another model are targeted
            continue
        return replace(entry, answers=tuple(judge(plan, device) for plan in plans))
    return entry


class ModelEntries(QAbstractListModel):
    """The rows that pass search and filter."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[Entry] = []
        self.shown: list[Entry] = []
        self._needle, self._group = "", "all"

    def show_entries(self, entries: list[Entry]) -> None:
        """Show other models."""
        self.all = entries
        self._filter()

    def search(self, needle: str, group: str) -> None:
        """Show only what contains `needle` and belongs to `group`."""
        self._needle, self._group = needle.strip().lower(), group
        self._filter()

    def count(self, group: str) -> int:
        """Return how many models a filter would show."""
        return sum(_in_group(entry, group) for entry in self.all)

    def update_entry(self, entry: Entry) -> None:
        """Replace the row of the same source."""
        self.all = [entry if old.source == entry.source else old for old in self.all]
        for row, old in enumerate(self.shown):
            if old.source == entry.source:
                self.shown[row] = entry
                self.dataChanged.emit(self.index(row), self.index(row))

    def row_of(self, source: str) -> int:
        """Return the row of a source, or -1."""
        return next((i for i, entry in enumerate(self.shown) if entry.source == source), -1)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  (Qt's signature)
        """Return the number of rows."""
        return 0 if parent.isValid() else len(self.shown)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the entry, its name or its words."""
        if not index.isValid() or index.row() >= len(self.shown):
            return None
        entry = self.shown[index.row()]
        roles: dict[int, Any] = {
            ENTRY: entry,
            Qt.ItemDataRole.DisplayRole: entry.model.name,
            Qt.ItemDataRole.AccessibleTextRole: entry.words,
            Qt.ItemDataRole.ToolTipRole: entry.words,
        }
        return roles.get(role)

    def _filter(self) -> None:
        self.beginResetModel()
        self.shown = [
            entry
            for entry in self.all
            if _in_group(entry, self._group) and self._needle in entry.words.lower()
        ]
        self.endResetModel()


def _in_group(entry: Entry, group: str) -> bool:
    return group == "all" or (entry.recent if group == "recent" else entry.kind == group)
