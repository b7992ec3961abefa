"""Steps that become slow when Windows moves pages of a full GPU into main memory.

There it raises no error where others run out of memory: a step takes 10 to 50 times as long.
"""

from collections.abc import Generator
from statistics import median

from core.events import Event, Notice, StepDone
from core.memory.devices import Device

SLOWER, FULL = 3.0, 0.9
_FIRST_JUDGED = 10


class PagingWatch:
    """Compares the seconds per token of a step with the usual ones; silent but on Windows' GPUs."""

    def __init__(self, device: Device | None) -> None:
        self._full_at = FULL * device.total_bytes if device and device.windows_bytes else 0.0
        self._usual: list[float] = []
        self._has_warned = False

    def judge(self, done: StepDone) -> Generator[Event, None, None]:
        """Yield a warning, once, when a step on a full GPU took three times the usual."""
        if not self._full_at or self._has_warned or not done.tokens_per_second:
            return
        seconds = 1 / done.tokens_per_second
        known = len(self._usual) >= _FIRST_JUDGED
        slow = known and seconds > SLOWER * median(self._usual)
        if slow and done.memory_bytes >= self._full_at:
            self._has_warned = True
            yield Notice(
                level="warning",
                message=(
                    f"Step {done.step} took {seconds / median(self._usual):.0f} times the usual: "
                    "the GPU is full, and Windows has moved a part of it into main memory."
                ),
                guard="R5",
                hint="Stop, and take a smaller micro-batch; or switch the sysmem fallback off in "
                "the driver.",
            )
        elif not slow:
            self._usual.append(seconds)
