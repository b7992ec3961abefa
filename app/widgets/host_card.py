"""The card for what a run needs beside its device: main memory for a while, the disk for good."""

from collections.abc import Callable, Iterable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout

from app.amounts import gib, with_unit
from app.launch import free_bytes
from app.session import Session
from app.widgets.cards import Card
from app.widgets.facts import Facts
from app.widgets.text import ElidedLabel, label
from app.words import file_size
from core.memory.host import Need, disk_needs, free_main_memory, memory_needs
from core.paths import runs_dir


class HostCard(Card):
    """Two lists below each other, each headed by what is free."""

    def __init__(self, session: Session) -> None:
        super().__init__("Beside the card")
        self.setObjectName("host_card")
        self._session = session
        self.memory, self.disk = Facts(), Facts()
        self.free_memory = self._add("Main memory, for a while", self.memory)
        self.body.addSpacing(4)
        self.free_disk = self._add("Disk", self.disk)

    def refresh(self) -> None:
        """Show what the session's run needs, against what is free now."""
        session, model, plan = self._session, self._session.model, self._session.plan
        self.setVisible(model is not None and plan is not None)
        if model is None or plan is None:
            return
        settings, memory, disk = session.settings, free_main_memory(), free_bytes(runs_dir())
        beside = "training" if session.device.kind == "cpu" else "card"
        self.title.setText(f"Beside the {beside}")
        self.setAccessibleName(self.title.text())
        self.free_memory.set_full_text(f"{gib(memory)} GiB free")
        self.free_disk.set_full_text(f"{file_size(disk)} free")
        _show(self.memory, memory_needs(model, settings, plan, session.device), memory, with_unit)
        lengths = session.lengths
        needs = disk_needs(model, settings, rows=len(lengths), tokens=lengths.tokens.total)
        _show(self.disk, needs, disk, file_size)

    def _add(self, title: str, facts: Facts) -> ElidedLabel:
        """Add a list with its heading; return the label for what is free."""
        free = ElidedLabel("", "small", "muted")
        free.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        line = QHBoxLayout()
        line.addWidget(label(title, "label"))
        line.addWidget(free, 1)
        self.body.addLayout(line)
        self.body.addWidget(facts)
        return free


def _show(facts: Facts, needs: Iterable[Need], free: int, written: Callable[[float], str]) -> None:
    """Show needs, and which of them are larger than what is free."""
    for need in needs:
        amount = written(need.size_bytes) if need.size_bytes else "–"
        lacks = need.size_bytes > free
        value = f"{amount}, too much" if lacks else amount
        facts.show_fact(need.name, value, "danger" if lacks else "", need.why)
