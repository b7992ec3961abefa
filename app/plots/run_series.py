"""The metrics of a run as pyramids, kept in step with its growing history; no Qt here."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app.plots.pyramid import Pyramid
from app.plots.smoothing import Smoother
from core.history import History

Floats = NDArray[np.float64]
METRICS = ("loss", "learning_rate", "gradient_norm", "tokens_per_second", "memory_bytes")
SMOOTHING = 0.9


@dataclass
class RunSeries:
    """What the plots draw, over steps, tokens or seconds.

    Attributes:
        spikes: Place on the axis, loss, and how many times the usual it is.
        marks: What the other metrics were at these places.
        axis: "step", "tokens" (read so far, padding not counted) or "time" (seconds).
        series: One pyramid per metric; `smooth` holds the average of the loss at every step.
    """

    axis: str = "step"
    series: dict[str, Pyramid] = field(init=False)

    def __post_init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self.series = {name: Pyramid() for name in METRICS}
        self._smoother = Smoother(SMOOTHING)
        self._smooth: list[Floats] = []
        self.x: Floats = np.empty(0)
        self.evaluations: tuple[Floats, Floats] = (np.empty(0), np.empty(0))
        self.spikes: tuple[Floats, Floats, Floats] = (np.empty(0),) * 3
        self.marks: dict[str, Floats] = {name: np.empty(0) for name in METRICS}
        self._last = (-1.0, -1.0)
        self._version = (-1, -1)

    def __len__(self) -> int:
        return len(self.series["loss"])

    def set_axis(self, axis: str) -> None:
        """Draw over something else."""
        if axis != self.axis:
            self.axis = axis
            self._clear()

    def sync(self, history: History) -> bool:
        """Take in what is new; return whether anything changed.

        A resumed run repeats steps: then everything from there on is another, and all of it is
        taken in again.
        """
        version = (id(history), history.version)
        if version == self._version:
            return False
        steps, known = history.steps, len(self)
        if known > len(steps) or (known and self._mark(history, known) != self._last):
            self._clear()
            known = 0
        if len(steps) > known:
            self._extend(history, known)
        self._place_evaluations(history)
        self._place_spikes(history)
        self._version = version
        return True

    @property
    def smooth(self) -> Floats:
        """The smoothed loss at every step."""
        if len(self._smooth) > 1:
            self._smooth = [np.concatenate(self._smooth)]
        return self._smooth[0] if self._smooth else np.empty(0)

    def smooth_line(self, x0: float, x1: float, pixels: int) -> tuple[Floats, Floats]:
        """Return the smoothed loss between x0 and x1, one point per pixel column at most."""
        first = max(0, int(np.searchsorted(self.x, x0)) - 1)
        last = min(len(self.x), int(np.searchsorted(self.x, x1, "right")) + 1)
        if last <= first:
            return np.empty(0), np.empty(0)
        chosen = np.arange(first, last)
        if len(chosen) > pixels:
            chosen = np.unique(np.linspace(first, last - 1, pixels).round().astype(int))
        return self.x[chosen], self.smooth[chosen]

    def _extend(self, history: History, known: int) -> None:
        steps = history.steps
        new_x = self._x_of(history)[known:]
        self.x = np.concatenate([self.x, new_x])
        for name, pyramid in self.series.items():
            pyramid.extend(new_x, steps[name][known:])
        self._smooth.append(self._smoother.extend(steps["loss"][known:]))
        self._last = self._mark(history, len(steps))

    def _x_of(self, history: History) -> Floats:
        steps = history.steps
        if self.axis == "tokens":
            return np.cumsum(steps["tokens"])
        if self.axis == "time":
            return np.maximum.accumulate(steps["seconds"] - _beginning(history))
        return steps["step"]

    def _place_evaluations(self, history: History) -> None:
        table = history.evaluations
        x = table["step"].copy()
        if self.axis == "time":
            x = np.maximum(table["seconds"] - _beginning(history), 0.0)
        elif self.axis == "tokens":
            done = np.searchsorted(history.steps["step"], table["step"], "right")
            x = np.concatenate([[0.0], self.x])[np.minimum(done, len(self.x))]
        self.evaluations = (x, table["loss"].copy())

    def _place_spikes(self, history: History) -> None:
        table = history.spikes
        rows = np.searchsorted(history.steps["step"], table["step"])
        seen = rows < len(self.x)
        loss, usual = table["loss"][seen], table["usual"][seen]
        self.spikes = (self.x[rows[seen]], loss, loss / np.maximum(usual, 1e-9))
        self.marks = {name: history.steps[name][rows[seen]] for name in METRICS}

    @staticmethod
    def _mark(history: History, count: int) -> tuple[float, float]:
        row = count - 1
        return float(history.steps["step"][row]), float(history.steps["seconds"][row])


def _beginning(history: History) -> float:
    """Return when the run began: its start, or its first step where that is earlier."""
    moments = [float(m) for m in history.steps["seconds"][:1]]
    moments += [float(m) for m in history.evaluations["seconds"][:1]]
    if history.started is not None:
        moments.append(history.started.seconds)
    return min(moments, default=0.0)
