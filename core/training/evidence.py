"""What a run or a probe tells about memory, in the form in which it is kept."""

from typing import Literal

from core.events import MemoryMeasured
from core.memory.measurements import Measurement
from core.training.ahead import Largest
from core.training.start import Base


def measurement(
    base: Base,
    kind: Literal["run", "probe"],
    measured: MemoryMeasured,
    largest: Largest,
    outside_bytes: int,
) -> Measurement | None:
    """Return a peak beside its plan; None on a device of which nothing is known.

    Args:
        base: The base model on its device.
        kind: Who measured.
        measured: The peak, and what was planned before.
        largest: The largest micro-batch that went through.
        outside_bytes: What lay outside of the allocator of a GPU; 0 where nobody tells.
    """
    device = base.device
    if device is None:
        return None
    plan = base.plan_largest(largest)
    return Measurement(
        kind=kind,
        name=base.settings.name,
        model=base.info.name,
        method=plan.label,
        device=device.name,
        device_kind=device.kind,
        seconds=measured.seconds,
        predicted_bytes=measured.predicted_bytes,
        measured_bytes=measured.measured_bytes,
        tensor_bytes=plan.allocated_bytes,
        outside_bytes=outside_bytes,
    )
