"""The columns of a run's metrics, grown event by event; what the plots draw."""

import math
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.events import Evaluated, Event, LossSpike, RunStarted, StepDone

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FIRST_ROOM = 1024

STEP_COLUMNS = (
    "step",
    "loss",
    "learning_rate",
    "gradient_norm",
    "trained_tokens",
    "tokens",
    "tokens_per_second",
    "memory_bytes",
    "seconds",
)
EVALUATION_COLUMNS = ("step", "loss", "seconds")
SPIKE_COLUMNS = ("step", "loss", "usual")


class Column:
    """A growing array of float64: amortised constant append, no copy to read."""

    def __init__(self) -> None:
        self._data: NDArray[np.float64] | None = None
        self._size = 0

    def append(self, value: float) -> None:
        """Add one value."""
        if self._data is None:
            self._data = _room_for(_FIRST_ROOM)
        if self._size == len(self._data):
            larger = _room_for(2 * self._size)
            larger[: self._size] = self._data
            self._data = larger
        self._data[self._size] = value
        self._size += 1

    def cut(self, size: int) -> None:
        """Forget everything after the first `size` values."""
        self._size = min(size, self._size)

    def __len__(self) -> int:
        return self._size

    @property
    def values(self) -> "NDArray[np.float64]":
        """A view of the values so far; do not write to it."""
        return _room_for(0) if self._data is None else self._data[: self._size]


def _room_for(size: int) -> "NDArray[np.float64]":
    import numpy as np  # a fifth of a second that the first frame of the window need not wait for

    return np.empty(size)


@dataclass
class Table:
    """Columns of equal length, ordered by step."""

    names: tuple[str, ...]
    columns: dict[str, Column] = field(init=False)

    def __post_init__(self) -> None:
        self.columns = {name: Column() for name in self.names}

    def __len__(self) -> int:
        return len(self.columns["step"])

    def __getitem__(self, name: str) -> "NDArray[np.float64]":
        return self.columns[name].values

    def cut_after(self, step: float) -> None:
        """Forget the rows after `step`."""
        steps = self["step"]
        if len(steps) and steps[-1] > step:
            size = bisect_right(steps, step)
            for column in self.columns.values():
                column.cut(size)

    def append(self, event: Event) -> None:
        """Add a row; a step that a resumed run repeats replaces what was there from it on."""
        step = event.step  # type: ignore[attr-defined]
        self.cut_after(step - 1)
        for name, column in self.columns.items():
            column.append(float(getattr(event, name)))


class History:
    """All metrics of one run.

    `version` grows with every change, so that a view can tell whether there is anything to draw.
    """

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.steps = Table(STEP_COLUMNS)
        self.evaluations = Table(EVALUATION_COLUMNS)
        self.spikes = Table(SPIKE_COLUMNS)
        self.started: RunStarted | None = None
        self.version = 0
        for event in events:
            self.append(event)

    def append(self, event: Event) -> None:
        """Take in one event; those that carry no metric are ignored."""
        match event:
            case StepDone():
                self.steps.append(event)
            case Evaluated():
                self.evaluations.append(event)
            case LossSpike():
                self.spikes.append(event)
            case RunStarted():
                self.started = event
                self.spikes.cut_after(event.first_step)
            case _:
                return
        self.version += 1

    @property
    def best(self) -> tuple[int, float] | None:
        """Step and loss of the lowest finite validation loss."""
        rows = zip(self.evaluations["loss"], self.evaluations["step"], strict=True)
        finite = [(float(loss), int(step)) for loss, step in rows if math.isfinite(loss)]
        if not finite:
            return None
        loss, step = min(finite)
        return step, loss
