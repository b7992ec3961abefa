"""Dry runs as plans, and the formulas' plan where a model cannot be traced."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import MappingProxyType

from core.errors import UserError
from core.memory.calibration import calibrated
from core.memory.devices import Device
from core.memory.dry_run.trace import REFUSALS, Trace, dry_run
from core.memory.methods import METHODS, Method
from core.memory.overhead import context_bytes, heap_bytes
from core.memory.plan import NOTHING, PARTS, MemoryPlan, plan_memory
from core.memory.workload import Known
from core.models.info import ModelInfo
from core.settings import RunSettings

ERROR = 0.02  # of the allocator's peak


@dataclass(frozen=True)
class DryPlan:
    """A plan, and why it is not from a dry run; "" where it is."""

    plan: MemoryPlan
    why_not: str = ""


def plan_dry(
    info: ModelInfo,
    settings: RunSettings,
    device: Device | None = None,
    *,
    methods: tuple[Method, ...] = METHODS,
    known: Known = NOTHING,
) -> Iterator[DryPlan]:
    """Plan the methods one after the other; the arguments are those of `plan_methods`.

    The formulas decide how many blocks are checkpointed where the settings leave it open.

    Raises:
        UserError: A target matches no module of the model.
    """
    if device is not None and device.kind == "cpu":
        known = replace(known, on_cpu=True)
    for method in methods:
        formula = plan_memory(info, settings, method=method, device=device, known=known)
        decided = {"training.gradient_checkpointing": formula.checkpointed or "off"}
        try:
            changed = settings.with_changes(decided)
            trace = dry_run(info, changed, method, stack=known.stack, known=known, device=device)
        except UserError as error:
            yield DryPlan(formula, error.message)
            continue
        except REFUSALS as error:
            yield DryPlan(formula, _in_words(error))
            continue
        yield DryPlan(_planned(formula, trace, device))


def _in_words(error: Exception) -> str:
    """Say what stood in the way, the error itself in brackets for those who read such."""
    raw = f"{type(error).__name__}: {error}".partition("\n")[0]
    return f"On its way through this model it needs numbers, and a trace has none ({raw})."


def _planned(formula: MemoryPlan, trace: Trace, device: Device | None) -> MemoryPlan:
    parts = {part: trace.parts.get(part, 0) for part in PARTS}
    context = context_bytes(device) + heap_bytes(device, parts)
    parts["context"] = context.likely
    plan = replace(
        formula,
        parts=MappingProxyType(parts),
        moment=trace.moment,
        peak_bytes=trace.peak_bytes + context.likely,
        low_bytes=round(trace.peak_bytes * (1 - ERROR)) + context.low,
        high_bytes=round(trace.peak_bytes * (1 + ERROR)) + context.high,
        trained_parameters=trace.trained_parameters,
        parameters=trace.parameters,
        source="dry-run",
        calibrated_by=0,
    )
    return calibrated(plan, device)
