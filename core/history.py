"""The columns of a run's metrics, grown event by event; what the plots draw."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.events import Evaluated, Event, RunStarted, StepDone

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


class Column:
    """A growing array of float64: amortised constant append, no copy to read."""

    def __init__(self) -> None:
        self._data = np.empty(1024)
        self._size = 0

    def append(self, value: float) -> None:
        """Add one value."""
        if self._size == len(self._data):
            self._data = np.concatenate([self._data, np.empty_like(self._data)])
        self._data[self._size] = value
        self._size += 1

    def cut(self, size: int) -> None:
        """Forget everything after the first `size` values."""
        self._size = min(size, self._size)

    def __len__(self) -> int:
        return self._size

    @property
    def values(self) -> NDArray[np.float64]:
        """A view of the values so far; do not write to it."""
        return self._data[: self._size]


@dataclass
class Table:
    """Columns of equal length, ordered by step."""

    names: tuple[str, ...]
    columns: dict[str, Column] = field(init=False)

    def __post_init__(self) -> None:
        self.columns = {name: Column() for name in self.names}

    def __len__(self) -> int:
        return len(self.columns["step"])

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        return self.columns[name].values

    def append(self, event: Event) -> None:
        """Add a row; a step that a resumed run repeats replaces what was there from it on."""
        step = event.step  # type: ignore[attr-defined]
        size = int(np.searchsorted(self["step"], step))
        for name, column in self.columns.items():
            column.cut(size)
            column.append(float(getattr(event, name)))


class History:
    """All metrics of one run.

    `version` grows with every change, so that a view can tell whether there is anything to draw.
    """

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.steps = Table(STEP_COLUMNS)
        self.evaluations = Table(EVALUATION_COLUMNS)
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
            case RunStarted():
                self.started = event
            case _:
                return
        self.version += 1

    @property
    def best(self) -> tuple[int, float] | None:
        """Step and loss of the lowest finite validation loss."""
        losses = self.evaluations["loss"]
        if not np.isfinite(losses).any():
            return None
        index = int(np.nanargmin(np.where(np.isfinite(losses), losses, np.nan)))
        return int(self.evaluations["step"][index]), float(losses[index])
