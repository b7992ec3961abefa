"""Amounts of memory as the window writes them: in GiB, with a true minus sign."""

from core.memory.plan import MemoryPlan
from core.memory.verdict import Verdict

GIB = 2**30
MIB = 2**20
KIB = 2**10


def gib(count: float, digits: int | None = None) -> str:
    """Return bytes as GiB without the unit: 1.86, 23.3, 97.5."""
    value = count / GIB
    if digits is None:
        digits = 2 if abs(value) < 9.995 else 1
    return f"{value:.{digits}f}".replace("-", "−")


def with_unit(count: float) -> str:
    """Return bytes with a unit that suits them: 340 KiB, 17.1 MiB, 820 MiB, 1.86 GiB."""
    size = abs(count)
    if 0 < size < MIB:
        text = f"{count / KIB:.0f} KiB"
    elif size < 1000 * MIB:
        text = f"{count / MIB:.{1 if size < 99.95 * MIB else 0}f} MiB"
    else:
        return f"{gib(count)} GiB"
    return text.replace("-", "−")


def interval(plan: MemoryPlan) -> str:
    """Return the plan's interval in GiB: ± 0.29, or 3.89–6.54 where it leans to one side."""
    below, above = plan.peak_bytes - plan.low_bytes, plan.high_bytes - plan.peak_bytes
    if abs(above - below) <= 0.2 * max(above, below, 1):
        return f"± {gib((above + below) / 2, 2)}"
    return f"{gib(plan.low_bytes)}–{gib(plan.high_bytes)}"


def off_by(predicted: int, measured: int) -> str:
    """Return how far a prediction was off, as a share of what was measured: −3.2 %."""
    return f"{100 * (predicted / measured - 1):+.1f} %".replace("-", "−")


def tight_words(judged: Verdict) -> str:
    """Return how close it is; what is likely to miss may still fit, within the interval."""
    amount = f"{gib(abs(judged.left_bytes))} GiB"
    return f"{amount} would be left" if judged.left_bytes >= 0 else f"{amount} may be lacking"
