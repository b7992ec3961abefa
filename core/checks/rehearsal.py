"""Does the run work when all of it is done once?"""

from collections.abc import Mapping
from typing import Any

from core.checks.base import Finding, check
from core.checks.context import CheckContext, RehearsalFacts
from core.memory.amounts import gib
from core.settings import RunSettings

_NAMED = 3


@check("rehearsal", 6, 36)
def rehearsal(context: CheckContext) -> Finding | None:
    """Block where a stage of the rehearsal failed; it is made when somebody asks for it."""
    facts = context.rehearsal
    if facts is None:
        return None
    if facts.failed_at:
        return _failed(facts, context.settings)
    if facts.outside:
        return Finding(
            "block",
            f"{len(facts.outside):,} weights of the model are outside of the device, the first is "
            f"{facts.outside[0]}: they cannot be trained.",
            "Choose QLoRA (model.bits = 4) or a smaller model.",
            {"model.bits": 4} if context.settings.model.bits != 4 else {},
        )
    if facts.dead:
        names = ", ".join(facts.dead[:_NAMED])
        return Finding(
            "block",
            f"{len(facts.dead):,} of {facts.modules:,} adapted modules got no gradient ({names}).",
            "Leave them out of the target layers: they would learn nothing.",
        )
    return Finding(
        "ok",
        "Tried out: two steps on the longest rows, an evaluation, saved and loaded again; "
        f"all {facts.modules:,} modules learn, peak {gib(facts.measured_bytes)}, "
        f"{facts.seconds:.0f} s.",
    )


def _failed(facts: RehearsalFacts, settings: RunSettings) -> Finding:
    if facts.exhausted:
        message = (
            f"Tried out, memory ran out {facts.failed_at}, at a peak of "
            f"{gib(facts.measured_bytes)}."
        )
        changes = _less(settings)
        fix = "Take less at once, then try again." if changes else "Choose a smaller model."
        return Finding("block", message, fix, changes)
    message = f"Tried out, the run failed {facts.failed_at}: {facts.reason.rstrip('.')}."
    if settings.model.dtype == "fp16":
        fix = "Set model.dtype to auto, then try again."
        return Finding("block", message, fix, {"model.dtype": "auto"})
    return Finding("block", message, facts.hint or "Try other settings, or another model.")


def _less(settings: RunSettings) -> Mapping[str, Any]:
    """Return settings that need less memory and teach the same; fewer tokens per row at last."""
    training, length = settings.training, settings.data.max_length
    if training.micro_batch > 1:
        half = training.micro_batch // 2
        times = training.micro_batch * training.accumulation // half
        return {"training.micro_batch": half, "training.accumulation": times}
    if training.gradient_checkpointing != "all":
        return {"training.gradient_checkpointing": "all"}
    if settings.model.bits != 4:
        return {"model.bits": 4}
    return {"data.max_length": length // 2} if length >= 64 else {}
