"""The models to choose from, as rows of a list."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt

from app.amounts import gib
from app.words import compact, file_size
from core.errors import UserError
from core.memory.devices import Device
from core.memory.methods import METHODS
from core.memory.plan import MemoryPlan, plan_methods
from core.memory.verdict import verdict
from core.memory.workload import Known
from core.models.info import BrokenModel, ModelInfo
from core.models.sources import is_hub_id
from core.settings import RunSettings

Index = QModelIndex | QPersistentModelIndex
ENTRY = Qt.ItemDataRole.UserRole
JUDGED = tuple(m for m in METHODS if (m.name, m.bits) == ("lora", 16) or m.double_quant)
ALL_LINEAR = ("all-linear",)


@dataclass(frozen=True)
class Badge:
    """The judgement of one method on one model.

    Attributes:
        answer: "fits", "tight" or "does not fit".
        words: The same with the numbers behind it.
    """

    answer: str
    words: str


@dataclass(frozen=True)
class Entry:
    """One row.

    Attributes:
        badges: For LoRA and for QLoRA 4-bit with double quantization; empty while not known.
    """

    model: ModelInfo | BrokenModel
    recent: bool
    badges: tuple[Badge, ...] = ()

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

    @property
    def spoken(self) -> str:
        """The row with its badges, for a screen reader."""
        return ". ".join((self.words, *(badge.words for badge in self.badges)))


def judged(entry: Entry, settings: RunSettings, device: Device, known: Known) -> Entry:
    """Return the entry with its badges: does LoRA fit, does QLoRA 4-bit DQ fit.

    Args:
        entry: The model.
        settings: The run; where its targets are modules of another model, all matrices are.
        device: Where it would run.
        known: What is known of the rows.
    """
    if isinstance(entry.model, BrokenModel):
        return entry
    for targets in dict.fromkeys((settings.adapter.targets, ALL_LINEAR)):
        own = targets == settings.adapter.targets
        tried = settings if own else settings.with_changes({"adapter.targets": targets})
        try:
            plans = plan_methods(entry.model, tried, device, methods=JUDGED, known=known)
        except UserError:
            continue
        note = "" if own else " (all matrices as targets: yours are of another model)"
        return replace(entry, badges=tuple(_badge(plan, device, note) for plan in plans))
    return replace(entry, badges=())


def _badge(plan: MemoryPlan, device: Device, note: str) -> Badge:
    found = verdict(plan, device)
    left = gib(abs(found.left_bytes))
    judgement = {
        "fits": f"fits, {left} GiB would be left",
        "tight": f"is tight, {left} GiB would {'be left' if found.left_bytes >= 0 else 'lack'}",
        "does not fit": f"does not fit, {left} GiB lack",
    }[found.answer]
    words = (
        f"{plan.label}{note} {judgement}: {gib(plan.peak_bytes)} GiB "
        f"({gib(plan.low_bytes)} to {gib(plan.high_bytes)}) of {gib(device.free_bytes)} GiB "
        f"on {device.name}"
    )
    return Badge(found.answer, words)


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
            Qt.ItemDataRole.AccessibleTextRole: entry.spoken,
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
