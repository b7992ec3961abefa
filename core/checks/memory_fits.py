"""Does the run fit into the memory of the device?"""

from collections.abc import Mapping
from typing import Any

from core.checks.base import Finding, check
from core.checks.context import CheckContext
from core.errors import UserError
from core.memory.devices import Device
from core.memory.make_it_fit import make_it_fit
from core.memory.plan import MemoryPlan, plan_memory
from core.memory.proposals import Case, merged
from core.memory.verdict import verdict
from core.memory.workload import Known

GIB = 2**30
FIXES = {
    "": "It is close, and no setting leaves more room; close other programs.",
    "weights": "The model alone is too large: choose QLoRA (model.bits = 4) or a smaller model.",
    "settings": "Lower training.micro_batch or data.max_length, or let blocks be checkpointed.",
}
"""By the kind of failure, where no list of changes can be named."""


@check("memory-fits", 4)
def memory_fits(context: CheckContext) -> Finding | None:
    """Warn where the plan exceeds the free memory; the plan is an estimate, so never block."""
    if context.model is None or context.device is None or not context.model.tensors:
        return None
    try:
        known = _known(context)
        plan = plan_memory(context.model, context.settings, device=context.device, known=known)
    except UserError:  # the targets match nothing, which the check of the targets says
        return None
    found = verdict(plan, context.device)
    message = _in_words(plan, context.device)
    if found.answer == "fits":
        return Finding("ok", message)
    return Finding("warn", message, *_fix(context, found.failure))


def _fix(context: CheckContext, failure: str) -> tuple[str, Mapping[str, Any]]:
    """Return words and settings with which it fits; what rows take must be known for that."""
    if context.tokens is None or context.model is None or context.device is None:
        return FIXES[failure], {}
    stats = context.tokens.stats
    rows = stats.lengths, stats.trained_lengths
    fit = make_it_fit(Case(context.model, context.settings, context.device, *rows))
    if fit.changes:
        settings = merged(fit.changes)
        words = (f"{key} = {_text(value)}" for key, value in settings.items())
        return f"Set {', '.join(words)}.", settings
    card = f" The smallest card that would do is the {fit.card.name}." if fit.card else ""
    return f"{FIXES[fit.failure]}{card}", {}


def _text(value: Any) -> str:
    return ",".join(value) if isinstance(value, tuple) else f"{value}"


def _known(context: CheckContext) -> Known:
    if context.tokens is None:
        return Known()
    stats = context.tokens.stats
    return Known.of_rows(stats.lengths, stats.trained_lengths, context.settings)


def _in_words(plan: MemoryPlan, device: Device) -> str:
    largest = max(plan.parts, key=lambda name: plan.parts[name])
    share = plan.parts[largest] / plan.peak_bytes
    return (
        f"Needs {plan.low_bytes / GIB:.1f} to {plan.high_bytes / GIB:.1f} GiB of the "
        f"{device.free_bytes / GIB:.1f} GiB that are free on {device.name}; "
        f"{share:.0%} of it is {largest}."
    )
