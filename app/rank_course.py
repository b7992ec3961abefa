"""Reads the spectra of the steps of a run, one file between two frames, for the time-lapse."""

from collections.abc import Iterator

from PySide6.QtCore import QObject, Signal

from app.rank_source import RankSource
from app.slices import Slices
from core.errors import UserError
from core.ranks import load_ranks
from core.ranks.course import Course, evenly
from core.run_folder import RunFolder

DRAWN_EVERY = 16
"""While a long run is read, its picture grows by so many steps at a time."""


class RankCourse(QObject):
    """Holds the course of the run that a source shows, and grows with it.

    Signals:
        grown: The course has other steps. GUI thread.
    """

    grown = Signal()

    def __init__(self, source: RankSource) -> None:
        super().__init__()
        self.course = Course()
        self._source = source
        self._run: RunFolder | None = None
        self._unreadable: set[int] = set()
        self._wanted: list[int] = []
        self._slices = Slices(self)

    @property
    def reading(self) -> bool:
        """Whether steps are still being read."""
        return any(step not in self.course for step in self._wanted)

    def follow(self) -> None:
        """Read what is missing of the steps that the source knows."""
        if self._source.run is not self._run:
            self._run, self.course, self._unreadable = self._source.run, Course(), set()
        self._slices.run(self._read())

    def pause(self) -> None:
        """Read no more until `follow` is called: nobody looks."""
        self._slices.run(iter(()))

    def _read(self) -> Iterator[None]:
        """Read the newest step first, then from the first one on; a damaged file is left out."""
        wanted = evenly(self._source.steps)
        self._wanted = [step for step in wanted if step not in self._unreadable]
        missing = [step for step in self._wanted if step not in self.course]
        for number, step in enumerate(missing[-1:] + missing[:-1]):
            self._read_step(step)
            yield
            if number % DRAWN_EVERY == 1:
                self.grown.emit()
        self.course.keep(wanted)
        self.grown.emit()

    def _read_step(self, step: int) -> None:
        assert self._run is not None
        try:
            self.course.add(step, load_ranks(self._run.ranks_dir / f"step-{step:08d}.json"))
        except UserError:  # the slider says so when it comes there
            self._unreadable.add(step)
            self._wanted.remove(step)
