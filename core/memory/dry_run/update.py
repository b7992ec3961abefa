"""The optimizer's update, on all trained parameters of a model at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch._subclasses.fake_tensor import unset_fake_temporarily

from core.memory.dry_run.ledger import Ledger, minus
from core.memory.stack import Stack
from core.settings import RunSettings, TrainingSettings
from core.training.optimizers import build_optimizer

Shapes = Sequence[tuple[torch.Size, torch.dtype]]


@dataclass(frozen=True)
class Update:
    """Bytes of an optimizer.

    Attributes:
        gradients: When all are there.
        states: Between two steps.
        temporary: What an update holds beside parameters, gradients and states.
        operator: What was running when it held most.
    """

    gradients: int
    states: int
    temporary: int
    operator: str


def trace_update(shapes: Shapes, settings: RunSettings, stack: Stack, device: str) -> Update:
    """Return what the optimizer of the settings needs for parameters of these shapes and types.

    Paged states count as if they all stayed on the GPU, and so do the counters of steps.
    """
    parameters = nn.ParameterList(
        nn.Parameter(torch.empty(shape, dtype=dtype, device=device)) for shape, dtype in shapes
    )
    for parameter in parameters:
        parameter.grad = torch.empty_like(parameter)
    with unset_fake_temporarily():  # bitsandbytes computes its tables while it is built
        optimizer = _optimizer(parameters, settings.training, stack, device)
    ledger = Ledger(device)
    ledger.file(parameters, "parameters")
    ledger.file((parameter.grad for parameter in parameters), "gradients")
    given = ledger.live
    with ledger:
        optimizer.step()
        states = minus(ledger.live, given)
        ledger.begin("step")
        optimizer.step()
    ledger.begin("")
    step = ledger.stretches["step"]
    temporary = sum(step.top.values())
    return Update(given.get("gradients", 0), sum(states.values()), temporary, step.operator)


def _optimizer(
    parameters: nn.ParameterList, settings: TrainingSettings, stack: Stack, device: str
) -> torch.optim.Optimizer:
    if settings.optimizer == "paged_adamw8bit":
        settings = settings.model_copy(update={"optimizer": "adamw8bit"})
    if stack.ours or settings.optimizer != "adamw":
        return build_optimizer(parameters, settings)
    foreach = device == "cuda" and not stack.fused_step
    return torch.optim.AdamW(parameters, foreach=foreach, fused=stack.fused_step)
