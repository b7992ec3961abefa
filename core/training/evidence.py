"""What a run or a probe tells about memory, in the form in which it is kept."""

import time
from typing import Literal

from core.memory.measurements import Measurement
from core.training.ahead import Largest
from core.training.measure import PeakMemory
from core.training.start import Base


def measurement(
    base: Base,
    kind: Literal["run", "probe"],
    predicted_bytes: int,
    memory: PeakMemory,
    largest: Largest,
) -> Measurement | None:
    """Return the peak so far beside the plan; None on a device of which nothing is known.

    Args:
        base: The base model on its device.
        kind: Who measured.
        predicted_bytes: What was planned before.
        memory: The peak.
        largest: The largest micro-batch that went through.
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
        seconds=time.time(),
        predicted_bytes=predicted_bytes,
        measured_bytes=memory.bytes(),
        tensor_bytes=plan.allocated_bytes,
        outside_bytes=memory.outside_bytes(),
    )
