"""Losses that jump, and losses that stay up.

The rules are those of llm-foundry's KillLossSpike: a loss is an outlier at twice the mean of the
losses before it; more outliers in a row than its patience of 4, or a window of which half lies
above everything that was usual, and the run diverges. Two things are done otherwise, for runs of
dozens of steps. The window is a fifth of the run, 20 to 100 losses (5 % of it where that is more),
and counts from the tenth loss on, where theirs must be full first. And outliers do not enter the
mean, so that a plateau does not become the new usual.
"""

from collections import deque
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from statistics import fmean

from core.events import Event, LossSpike, Notice

OUTLIER = 2.0
PATIENCE = 4
_FIRST_JUDGED = 10
_WINDOW = (20, 100)
_HIGHEST_CAP = 10.0


@dataclass(frozen=True)
class Spike:
    """A loss out of the usual.

    Attributes:
        usual: Mean of the usual losses of the window.
        diverging: The rule that something is wrong for good was met by this loss.
    """

    loss: float
    usual: float
    diverging: bool


class SpikeWatch:
    """Judges one loss after another; what it says follows from the losses alone.

    Args:
        steps: Length of the run.
        before: Losses of an earlier part of the run.
    """

    def __init__(self, steps: int, before: Iterable[float] = ()) -> None:
        shortest, longest = _WINDOW
        self._window = max(shortest, min(steps // 5, longest), steps // 20)
        self._usual: deque[float] = deque(maxlen=self._window)
        self._recent: deque[float] = deque(maxlen=self._window)
        self._first: list[float] = []
        self._outliers = 0
        for loss in before:
            self.take(loss)

    def take(self, loss: float) -> Spike | None:
        """Judge the next loss; return it if it is out of the usual."""
        usual = fmean(self._usual) if len(self._usual) >= _FIRST_JUDGED else None
        is_outlier = usual is not None and loss >= OUTLIER * usual
        self._outliers = self._outliers + 1 if is_outlier else 0
        if not is_outlier:
            self._usual.append(loss)
        self._recent.append(loss)
        if len(self._first) < self._window:
            self._first.append(loss)
        stays_up = self._stays_up()
        if not is_outlier and not stays_up:
            return None
        return Spike(loss, usual or fmean(self._first), self._outliers > PATIENCE or stays_up)

    def _stays_up(self) -> bool:
        """Tell whether half of the window lies above all of the first one (and above 10 anyway)."""
        if len(self._recent) < self._window or len(self._first) < self._window:
            return False
        cap = min(max(self._first), _HIGHEST_CAP)
        return sum(loss > cap for loss in self._recent) >= self._window / 2


class LossAlarm:
    """Says what is worth saying of the losses of a run.

    A spike is said as it comes; a loss that stays up is said once, and nothing more until it is as
    usual again.

    Args:
        steps: Length of the run.
        before: Losses of an earlier part of the run, of which all has been said.
    """

    def __init__(self, steps: int, before: Iterable[float] = ()) -> None:
        self._watch = SpikeWatch(steps)
        self._has_warned = False
        for loss in before:
            self._worth_saying(loss)

    def judge(self, step: int, loss: float) -> Generator[Event, None, None]:
        """Yield what there is to say of the loss of a step."""
        spike = self._worth_saying(loss)
        if spike is None:
            return
        yield LossSpike(step=step, loss=loss, usual=spike.usual, diverging=spike.diverging)
        if spike.diverging:
            message = f"The loss stays far above its usual {spike.usual:.2f}: training diverges."
            hint = "Stop, go back to a checkpoint, and try a lower learning rate or more warm-up."
            yield Notice(level="warning", message=message, hint=hint)

    def _worth_saying(self, loss: float) -> Spike | None:
        spike = self._watch.take(loss)
        if spike is None or self._has_warned:
            self._has_warned = self._has_warned and spike is not None
            return None
        self._has_warned = spike.diverging
        return spike
