"""Compares the shown adapter with another one, one module between two frames."""

from collections.abc import Iterator
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.rank_evidence import RankEvidence
from app.slices import Slices
from core.errors import UserError
from core.ranks.actions.compare import Comparison, ModuleComparison, assemble, compare_modules
from core.ranks.actions.draft import opened


class RankComparison(QObject):
    """Holds the comparison with the adapter that was chosen last.

    Attributes:
        found: The comparison, None before there is one.
        other: What the shown adapter is compared with.
        error: Why it could not be, or None.
        done, total: Modules compared so far, while it is under way.

    Signals:
        changed: Any of the attributes. GUI thread.
    """

    changed = Signal()

    def __init__(self, evidence: RankEvidence) -> None:
        super().__init__()
        self._evidence = evidence
        self._adapter = evidence.adapter
        self._slices = Slices(self)
        self.found: Comparison | None = None
        self.other: Path | None = None
        self.error: UserError | None = None
        self.done, self.total = 0, 0
        evidence.changed.connect(self._on_evidence)

    @property
    def busy(self) -> bool:
        """Whether modules are being compared."""
        return self._slices.busy

    def compare_with(self, other: Path) -> None:
        """Begin to compare with the adapter in a PEFT or run folder."""
        self.found, self.error, self.other = None, None, other
        self._slices.run(self._steps(other))
        self.changed.emit()

    def forget(self) -> None:
        """Compare no more."""
        self._slices.run(iter(()))
        self.found, self.error, self.other = None, None, None
        self.changed.emit()

    def _steps(self, other: Path) -> Iterator[None]:
        if self._adapter is None:
            return
        modules: list[ModuleComparison] = []
        try:
            first, second = opened(self._adapter), opened(other)
            self.total = len(first.slots)
            for module in compare_modules(first, second):
                modules.append(module)
                self.done = len(modules)
                yield
            self.found = assemble(first, second, tuple(modules))
        except UserError as error:
            self.error = error
        self.changed.emit()

    def _on_evidence(self) -> None:
        if self._evidence.adapter != self._adapter:
            self._adapter = self._evidence.adapter
            self.forget()
