"""The plan: which moment of a step needs most, and what it consists of."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from core.chosen_types import UNTRIED
from core.memory.calibration import calibrated
from core.memory.cells import ModelCells
from core.memory.checkpointing import activation_bytes, fewest_blocks
from core.memory.devices import Device
from core.memory.logits import loss_bytes
from core.memory.methods import METHODS, Method, method_of
from core.memory.mlp import buffer_bytes
from core.memory.overhead import (
    Range,
    context_bytes,
    heap_bytes,
    library_workspace_bytes,
)
from core.memory.shards import gathered_bytes
from core.memory.trained import (
    adapter_bytes,
    gradient_bytes,
    optimizer_bytes,
    shared_table_bytes,
    step_temporary_bytes,
    trained_parameters,
)
from core.memory.weights import weight_bytes
from core.memory.whole_logits import held_logit_bytes
from core.memory.workload import ELEMENTS, Known, Workload
from core.models.info import ModelInfo
from core.settings import RunSettings

PARTS = (
    "weights",
    "adapter",
    "gradients",
    "optimizer",
    "activations",
    "logits",
    "workspace",
    "context",
)
NOTHING = Known()
ERROR = 0.05  # of the allocator's peak: the worst of 165 public runs was 5.3 %, the mean 0.9 %
UNKNOWN_ERROR = 0.2  # of a family that is planned as if its blocks were Llama's


@dataclass(frozen=True, kw_only=True)
class MemoryPlan:
    """What one method will need (bytes).

    Attributes:
        method: "lora", "qlora" or "full".
        bits: Bits per frozen weight of the blocks.
        double_quant: The scales of the 4-bit blocks are quantized as well.
        label: Name for people.
        parts: Bytes of each of `PARTS` at the moment of the peak; they add up to `peak_bytes`.
        moment: When the peak is reached: "loss", "layer" (one block in backward) or "step".
        peak_bytes: The allocator's peak plus context.
        low_bytes: Lower end of the interval.
        high_bytes: Upper end of the interval.
        trained_parameters: N.
        parameters: All parameters of the base.
        checkpointed: Blocks that are computed again in backward.
        blocks: All blocks of the model.
        source: "formula", "dry-run" or "measured".
        calibrated_by: Measurements on the device that the context was learned from.
    """

    method: str
    bits: int
    double_quant: bool
    label: str
    parts: Mapping[str, int]
    moment: str
    peak_bytes: int
    low_bytes: int
    high_bytes: int
    trained_parameters: int
    parameters: int
    checkpointed: int
    blocks: int
    source: str = "formula"
    calibrated_by: int = 0

    @property
    def allocated_bytes(self) -> int:
        """The allocator's peak: everything but the context."""
        return self.peak_bytes - self.parts["context"]

    def as_fields(self) -> dict[str, Any]:
        """Return the arguments that make it anew, as plain JSON data."""
        return {**vars(self), "parts": dict(self.parts)}

    def scaled(self, factor: float) -> "MemoryPlan":
        """Return it with every amount multiplied."""
        parts = {name: round(size * factor) for name, size in self.parts.items()}
        return replace(
            self,
            parts=MappingProxyType(parts),
            peak_bytes=sum(parts.values()),
            low_bytes=round(self.low_bytes * factor),
            high_bytes=round(self.high_bytes * factor),
        )

    @property
    def trained_share(self) -> float:
        """Trained parameters as a share of the base's."""
        return self.trained_parameters / self.parameters if self.parameters else 0.0


def plan_memory(
    info: ModelInfo,
    settings: RunSettings,
    *,
    method: Method | None = None,
    device: Device | None = None,
    known: Known = NOTHING,
) -> MemoryPlan:
    """Plan one run.

    Args:
        info: The base model; its manifest, or where that is empty its architecture.
        settings: The run.
        method: Instead of the one that the settings choose.
        device: Where it would run; an NVIDIA GPU where this is None.
        known: What is known beyond the settings, such as the length of the longest row.

    Raises:
        UserError: A target matches no module of the model.
    """
    methods = (method or method_of(settings.model),)
    return plan_methods(info, settings, device, methods=methods, known=known)[0]


def plan_methods(
    info: ModelInfo,
    settings: RunSettings,
    device: Device | None = None,
    *,
    methods: tuple[Method, ...] = METHODS,
    known: Known = NOTHING,
) -> tuple[MemoryPlan, ...]:
    """Plan the methods side by side, with everything else as in the settings.

    Raises:
        UserError: A target matches no module of the model.
    """
    settings = _with_chosen_types(settings, device)
    pattern = getattr(settings.adapter, "rank_pattern", ())
    cells = ModelCells.of(info, settings.adapter.targets, pattern)
    if device is not None and device.kind == "cpu":
        known = replace(known, on_cpu=True)
    return tuple(
        _plan(Workload.of(cells, settings, method, known), settings, device) for method in methods
    )


def _with_chosen_types(settings: RunSettings, device: Device | None) -> RunSettings:
    """Return the settings with what "auto" came to on the device, as far as it was tried there."""
    types, model = (device.types if device else UNTRIED), settings.model
    if not types.products or not model.dtype == model.attention_dtype == "auto":
        return settings
    decided = {"dtype": types.products, "attention_dtype": types.attention}
    return settings.model_copy(update={"model": model.model_copy(update=decided)})


def _plan(workload: Workload, settings: RunSettings, device: Device | None) -> MemoryPlan:
    """Return the plan; its interval reaches down to 16 bits where a probe will choose."""
    plan = plan_workload(workload, device)
    if not workload.on_cpu:
        return plan
    half = replace(workload, checkpointed=plan.checkpointed)
    if settings.model.dtype == "auto":
        size = ELEMENTS["bf16"]
        half = replace(half, element=size, residual_element=size, weight_element=size)
    if settings.model.attention_dtype == "auto" or not workload.packed:
        half = replace(half, attention_element=half.element)
    return replace(plan, low_bytes=min(plan.low_bytes, plan_workload(half, device).low_bytes))


def plan_workload(workload: Workload, device: Device | None = None) -> MemoryPlan:
    """Return the plan of a workload, with as many checkpointed blocks as the device asks for."""
    if workload.checkpointed is not None:
        return _peak(workload, device)

    def fits(blocks: int) -> bool:
        plan = _peak(replace(workload, checkpointed=blocks), device)
        return device is None or plan.high_bytes <= device.free_bytes

    blocks = fewest_blocks(workload.trained_blocks, fits)
    return _peak(replace(workload, checkpointed=blocks), device)


def _peak(workload: Workload, device: Device | None) -> MemoryPlan:
    """Return the largest of the moments of a workload, and the context."""
    candidates = moments(workload, library_workspace_bytes(device))
    moment = max(candidates, key=lambda name: sum(candidates[name].values()))
    parts = {name: round(candidates[moment].get(name, 0)) for name in PARTS}
    allocated = sum(parts.values())
    context = context_bytes(device) + heap_bytes(device, parts)
    parts["context"] = context.likely
    error = ERROR if workload.architecture.known else UNKNOWN_ERROR
    interval = _interval(allocated, context, error)
    plan = MemoryPlan(
        method=workload.method.name,
        bits=workload.method.bits,
        double_quant=workload.method.double_quant,
        label=workload.method.label,
        parts=MappingProxyType(parts),
        moment=moment,
        peak_bytes=interval.likely,
        low_bytes=interval.low,
        high_bytes=interval.high,
        trained_parameters=trained_parameters(workload),
        parameters=workload.parameters,
        checkpointed=workload.checkpointed or 0,
        blocks=workload.architecture.layers,
    )
    return calibrated(plan, device)


def moments(workload: Workload, library_workspace: int) -> dict[str, dict[str, float]]:
    """Return the parts of the three moments of a step that can be its peak.

    Activations are freed block by block in backward while gradients are made, so the peak of a
    block is reached at one of its two ends: with the last blocks, before any gradient, or with the
    first, when they are complete; behind these comes the embedding.
    """
    share = 1 / workload.shards
    static = {
        "weights": share * weight_bytes(workload),
        "adapter": share * adapter_bytes(workload),
        "optimizer": share * optimizer_bytes(workload),
        "workspace": float(library_workspace + buffer_bytes(workload)),
    }
    gradients = share * gradient_bytes(workload)
    kept, last, first = activation_bytes(workload, workload.checkpointed or 0)
    # From the second micro-batch of an accumulated step on the gradients lie under forward too.
    early = 0.0 if workload.accumulation == 1 else gradients
    held = held_logit_bytes(workload)
    late = 0.0 if workload.stack.steps_in_backward else gradients
    temporary = share * step_temporary_bytes(workload)
    step = {**static, "workspace": static["workspace"] + temporary}
    static["weights"] += gathered_bytes(workload)
    return {
        "loss": {
            **static,
            "gradients": early,
            "activations": kept,
            "logits": loss_bytes(workload),
        },
        "layer": max(
            {**static, "gradients": early, "activations": last, "logits": held},
            {**static, "gradients": late, "activations": first, "logits": held},
            {**static, "gradients": late + share * shared_table_bytes(workload), "logits": held},
            key=lambda parts: sum(parts.values()),
        ),
        "step": {**step, "gradients": late},
    }


def _interval(allocated: int, context: Range, error: float) -> Range:
    return Range(
        round(allocated * (1 - error)) + context.low,
        allocated + context.likely,
        round(allocated * (1 + error)) + context.high,
    )
