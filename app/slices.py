"""Work that would hold the window up, done a few milliseconds at a time."""

from collections.abc import Iterator
from time import perf_counter

from PySide6.QtCore import QObject, QTimer

SLICE_SECONDS = 0.008
"""Half of a frame at 60 Hz; a single step may take longer."""


class Slices(QObject):
    """Runs the steps of a generator between two events; other steps take the place of the rest."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._steps: Iterator[object] = iter(())
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._go_on)

    @property
    def busy(self) -> bool:
        """Whether steps are left."""
        return self._timer.isActive()

    def run(self, steps: Iterator[object]) -> None:
        """Begin with these steps when the event loop is next idle; what was left is dropped."""
        self._steps = steps
        self._timer.start()

    def _go_on(self) -> None:
        end = perf_counter() + SLICE_SECONDS
        for _ in self._steps:
            if perf_counter() > end:
                return
        self._timer.stop()
