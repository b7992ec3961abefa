"""The time-lapse: two numbers of all modules over the steps of a run, and where the page stands."""

from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Signal

from app.plots.median_band import MedianBand
from app.plots.plot import Floats, Plot, Row
from app.plots.ticks import even_ticks, exact, log_ticks
from app.style.theme import Theme, font
from core.ranks.course import Course

WAITING = {True: "Reading the steps …", False: "Two evaluated steps make a picture."}
"""What stands in the place of a picture, by whether steps are being read."""
TOKENS = ("line_orange", "line_blue")


@dataclass(frozen=True)
class RunMarks:
    """Steps of a run that the plots mark; −1 where there is none."""

    shown: int = -1
    best: int = -1
    warmed_up: int = -1


class CoursePlot(Plot):
    """Median and middle half of two numbers over the steps; a click goes to a step.

    Args:
        keys: Names in `core.ranks.course.COURSES`, with the words for each.
        log: The axis is logarithmic; zeros are left out.

    Attributes:
        reading: Whether more steps will come.

    Signals:
        step_chosen: (int) The user asks for the spectra of a step.
    """

    step_chosen = Signal(int)

    def __init__(self, theme: Theme, name: str, keys: dict[str, str], *, log: bool = False) -> None:
        super().__init__(theme, name)
        self._keys, self._log = keys, log
        self.reading = True
        self._course, self._module = Course(), ""
        self._marks = RunMarks()
        self._null: tuple[float, float] | None = None
        self._band = pg.LinearRegionItem(orientation="horizontal", movable=False)
        self._best = pg.InfiniteLine(angle=90, movable=False)
        self._warmed_up = pg.InfiniteLine(angle=90, movable=False)
        self._shown = pg.InfiniteLine(angle=90, movable=False)
        self._words = pg.TextItem("warm-up ends", anchor=(0, 0))
        self.add(self._band, self._warmed_up, self._best, self._shown, self._words)
        self._lines = [MedianBand(self, token) for token, _ in zip(TOKENS, keys, strict=False)]
        self.restyle()
        self.redraw()

    def show_course(
        self,
        course: Course,
        module: str,
        marks: RunMarks,
        null: tuple[float, float] | None = None,
    ) -> None:
        """Draw a course; `null` is what chance would give the first number."""
        self._course, self._module, self._marks, self._null = course, module, marks, null
        self.redraw()

    def redraw(self) -> None:
        """Draw the course, or say what is missing."""
        steps = np.array(self._course.steps, float)
        if len(steps) < 2:
            for line in self._lines:
                line.clear()
            self._mark(RunMarks())
            self.say_nothing(WAITING[self.reading])
            return
        self.hide_nothing()
        drawn = [self._numbers(key) for key in self._keys]
        low, high = self._range([table for numbers in drawn for table in numbers])
        self.set_ranges((steps[0], steps[-1]), (low, high))
        self.ticks("bottom", even_ticks(steps[0], steps[-1]))
        self.ticks("left", (log_ticks if self._log else even_ticks)(low, high))
        for line, (quartiles, module) in zip(self._lines, drawn, strict=True):
            line.draw(steps, quartiles, module)
        self._mark(self._marks)
        self.setAccessibleDescription(self._description())

    def _numbers(self, key: str) -> tuple[Floats, Floats]:
        """Return quartiles and module as they are drawn."""
        found = self._course.quartiles(key), self._course.of_module(key, self._module)
        return (_log10(found[0]), _log10(found[1])) if self._log else found

    def _range(self, drawn: list[Floats]) -> tuple[float, float]:
        finite = np.concatenate([table[np.isfinite(table)] for table in drawn])
        if not len(finite):
            return 0.0, 1.0
        if self._log:
            return float(finite.min()) - 0.1, float(finite.max()) + 0.1
        return 0.0, 1.05 * max(float(finite.max()), self._null[1] if self._null else 0.0)

    def _mark(self, marks: RunMarks) -> None:
        places = ((self._shown, marks.shown), (self._best, marks.best))
        for line, step in (*places, (self._warmed_up, marks.warmed_up)):
            line.setVisible(step >= 0)
            line.setPos(step)
        self._words.setVisible(marks.warmed_up > 0)
        self._words.setPos(marks.warmed_up, self.limits[1])
        self._band.setVisible(self._null is not None and marks != RunMarks())
        if self._null is not None:
            self._band.setRegion(self._null)

    def _description(self) -> str:
        parts = []
        for key, words in self._keys.items():
            middle = self._course.quartiles(key)[1]
            parts.append(f"{words} from {middle[0]:.3g} to {middle[-1]:.3g} in the middle module")
        return ", ".join(parts) + "."

    def press(self, x: float, y: float) -> None:
        """Go to the nearest step."""
        if len(self._course) > 1:
            self.step_chosen.emit(min(self._course.steps, key=lambda step: abs(step - x)))

    def words_at(self, x: float, y: float) -> str:
        """Say what the module and the middle module have at the nearest step."""
        steps = self._course.steps
        if len(steps) < 2:
            return ""
        index = int(np.argmin(np.abs(np.array(steps) - x)))
        said = [
            f"{words} {self._course.of_module(key, self._module)[index]:.3g} "
            f"(middle {self._course.quartiles(key)[1][index]:.3g})"
            for key, words in self._keys.items()
        ]
        return f"step {steps[index]:,}: " + ", ".join(said)

    def rows(self) -> list[Row]:
        """Return quartiles and the selected module by step."""
        parts = ("25_percent", "median", "75_percent", "module")
        head = ("step", *(f"{key}_{part}" for key in self._keys for part in parts))
        if not len(self._course):
            return [head]
        columns = [
            column
            for key in self._keys
            for column in (
                *self._course.quartiles(key),
                self._course.of_module(key, self._module),
            )
        ]
        numbers = zip(*columns, strict=True)
        table = zip(self._course.steps, numbers, strict=True)
        return [head, *((str(step), *map(exact, row)) for step, row in table)]

    def restyle(self) -> None:
        """Take the colours of the theme."""
        super().restyle()
        for line in self._lines:
            line.restyle()
        self._band.setBrush(self.faint("line_grey", 0.35))
        for edge in self._band.lines:
            edge.setPen(pg.mkPen(None))
        self._shown.setPen(self.pen("accent"))
        self._best.setPen(pg.mkPen(self._theme.color("ok"), width=1, dash=[6, 3]))
        self._warmed_up.setPen(pg.mkPen(self._theme.color("text_3"), width=1, dash=[2, 4]))
        self._words.setColor(self._theme.color("text_3"))
        self._words.setFont(font("caption"))


def _log10(values: Floats) -> Floats:
    """Return the logarithm, NaN where there is none."""
    return np.log10(np.where(values > 0, values, np.nan))
