"""R8: benign and divergent courses of a loss, by our rule and by those of others.

The courses are others than those that the rule was made on (`tests/core/training/test_spikes.py`).
"""

import math
from collections.abc import Callable
from statistics import median

from tests.core.training.loss_traces import BENIGN, DIVERGENT, Trace, traces
from tests.core.training.test_spikes import kill_loss_spike, megatron, ours
from tests.proof.harness import Report, short_and_full

Rule = Callable[[list[float]], int | None]
FAMILIES = len(BENIGN) + len(DIVERGENT)
SEED = 20261127
EACH = 4  # 20 benign and 20 divergent ones
FALSE, MISSED = 0.05, 0.05


def told(rule: Rule, trace: Trace) -> int:
    """The step at which a rule says that the run diverges, counted from 1; 0 for never."""
    place = rule(trace.losses)
    return 0 if place is None else place + 1


def is_right(rule: Rule, trace: Trace) -> bool:
    step = told(rule, trace)
    return step >= trace.onset if trace.onset else step == 0


def rates(rule: Rule, courses: list[Trace]) -> tuple[float, float, float]:
    """Return the rates of true and of false alarms, and the median delay in steps."""
    benign = [trace for trace in courses if not trace.onset]
    divergent = [trace for trace in courses if trace.onset]
    right = [trace for trace in divergent if is_right(rule, trace)]
    false = sum(not is_right(rule, trace) for trace in benign)
    delays = [told(rule, trace) - trace.onset for trace in right]
    delay = median(delays) if delays else float("inf")
    return len(right) / len(divergent), false / len(benign), delay


def late(delay: float) -> str:
    """Say how late a rule is that finds anything."""
    return f", {delay:.0f} steps late" if math.isfinite(delay) else ""


def is_later(trace: Trace) -> bool:
    """Whether KillLossSpike is right about a course, and earlier than we."""
    mine, theirs = told(ours, trace), told(kill_loss_spike, trace)
    return theirs >= trace.onset and not trace.onset <= mine <= theirs


@short_and_full("many", 0, 100)
def test_r8(report: Report, many: int) -> None:
    few = traces(BENIGN + DIVERGENT, EACH, SEED)
    courses = few + traces(BENIGN + DIVERGENT, many, SEED + 1)
    rules = {"ours": ours, "KillLossSpike": kill_loss_spike, "Megatron": megatron}
    results = {name: rates(rule, courses) for name, rule in rules.items()}
    words = [
        f"{name} {true:.1%} found, {false:.1%} false" + late(delay)
        for name, (true, false, delay) in results.items()
    ]
    right = sum(is_right(ours, trace) for trace in courses)
    report.note("R8", right, len(courses), "; ".join(words))
    true, false, _ = results["ours"]
    assert true >= 1 - MISSED
    assert false <= FALSE
    assert not [trace.name for trace in courses if trace.onset and is_later(trace)]
