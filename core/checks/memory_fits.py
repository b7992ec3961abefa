"""Does the run fit into the memory of the device?"""

from core.checks.base import CHECKS, Finding
from core.checks.context import CheckContext
from core.errors import UserError
from core.memory.devices import Device
from core.memory.plan import MemoryPlan, plan_memory
from core.memory.verdict import verdict
from core.memory.workload import Known

GIB = 2**30


@CHECKS.register("memory-fits")
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
    if found.failure == "weights":
        fix = "The model alone is too large: choose QLoRA (model.bits = 4) or a smaller model."
    else:
        fix = "Lower training.micro_batch or data.max_length, or switch on gradient checkpointing."
    return Finding("warn", message, fix)


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
