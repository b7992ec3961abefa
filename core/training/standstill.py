"""Losses that stand still: a run that learns nothing looks healthy, and goes on for hours."""

from collections import deque
from collections.abc import Generator

from core.events import Event, Notice
from core.training.guards import Standstill

ZEROS = 2
"""Losses of exactly zero in a row that no training makes: there is nothing to learn from."""
STEPS, WIDTH = 20, 1e-6
"""So many losses within so many nats of each other: nothing is learning."""


class StandstillWatch:
    """Judges one loss after another; a resumed run begins anew."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=STEPS)
        self._zeros = 0
        self._has_warned = False

    def judge(self, step: int, loss: float) -> Generator[Event, None, None]:
        """Yield what there is to say of the loss of a step.

        Raises:
            Standstill: It was zero, again.
        """
        self._zeros = self._zeros + 1 if loss == 0.0 else 0
        if self._zeros >= ZEROS:
            raise Standstill(step)
        self._recent.append(loss)
        full = len(self._recent) == STEPS
        stands = full and max(self._recent) - min(self._recent) <= WIDTH
        if stands and not self._has_warned:
            yield Notice(
                level="warning",
                message=f"The loss has not moved for {STEPS} steps: nothing is learning.",
                guard="R3",
                hint="Stop, and look at the learning rate, the target layers and the tokens.",
            )
        self._has_warned = stands
