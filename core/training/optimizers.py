"""The optimizer of a run: which rule, and at which rate each of its parameters learns.

Every parameter group has a `rate_factor`: the loop sets `lr = rate · rate_factor` at every step.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from peft.tuners.lora import LoraLayer

from core.errors import UserError
from core.settings import TrainingSettings
from core.training.lion import Lion

FUSED_DEVICES = frozenset({"cpu", "cuda", "mps", "xpu"})
"""Where torch has AdamW as one kernel over all parameters."""

Groups = list[dict[str, Any]]


def build_optimizer(model: torch.nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    """Return the optimizer of the settings over everything in `model` that needs a gradient.

    Raises:
        UserError: The optimizer does not work on the device of the parameters.
    """
    return _BUILDERS[settings.optimizer](parameter_groups(model, settings), settings)


def parameter_groups(model: torch.nn.Module, settings: TrainingSettings) -> Groups:
    """Return the trained parameters, grouped by the factor of their learning rate.

    LoRA+ (Hayou et al., arXiv:2402.12354): B begins at zero and has to grow, A begins at full size
    and needs only turning, so B learns `lora_plus` times as fast. DoRA's magnitudes and whatever
    else is trained learn at the rate of A.
    """
    trained = [p for p in model.parameters() if p.requires_grad]
    if settings.lora_plus == 1:
        return [{"params": trained, "rate_factor": 1.0}]
    factors = {id(p): settings.lora_plus for p in _b_matrices(model)}
    groups: dict[float, list[torch.nn.Parameter]] = {}
    for parameter in trained:
        groups.setdefault(factors.get(id(parameter), 1.0), []).append(parameter)
    return [{"params": group, "rate_factor": factor} for factor, group in groups.items()]


def page_again(optimizer: torch.optim.Optimizer) -> None:
    """Put the states of a paged optimizer back into paged memory after they were loaded.

    bitsandbytes loads them as plain tensors of the GPU, where they would stay.
    """
    if not getattr(optimizer, "is_paged", False):
        return
    for parameter, state in optimizer.state.items():
        for kind in ("state1", "state2"):
            buffer = optimizer.get_state_buffer(  # type: ignore[attr-defined]
                parameter, dtype=state[kind].dtype
            )
            state[kind] = buffer.copy_(state[kind])


def _b_matrices(model: torch.nn.Module) -> Iterator[torch.nn.Parameter]:
    for module in model.modules():
        if isinstance(module, LoraLayer):
            yield from module.lora_B.parameters()
            yield from module.lora_embedding_B.parameters()


def _device(groups: Groups) -> str:
    return str(groups[0]["params"][0].device.type)


def _adamw(groups: Groups, settings: TrainingSettings) -> torch.optim.Optimizer:
    fused = _device(groups) in FUSED_DEVICES
    return torch.optim.AdamW(
        groups, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=fused
    )


def _adamw8bit(groups: Groups, settings: TrainingSettings) -> torch.optim.Optimizer:
    from bitsandbytes.optim import AdamW8bit

    made: torch.optim.Optimizer = AdamW8bit(
        groups, lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    return made


def _paged_adamw8bit(groups: Groups, settings: TrainingSettings) -> torch.optim.Optimizer:
    if _device(groups) != "cuda":
        raise UserError(
            "Paged 8-bit AdamW needs an NVIDIA GPU: only its memory can be paged out.",
            "Set training.optimizer to adamw8bit: the same numbers, without paging.",
        )
    from bitsandbytes.optim import PagedAdamW8bit

    made: torch.optim.Optimizer = PagedAdamW8bit(
        groups, lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    return made


def _lion(groups: Groups, settings: TrainingSettings) -> torch.optim.Optimizer:
    return Lion(groups, lr=settings.learning_rate, weight_decay=settings.weight_decay)


def _adafactor(groups: Groups, settings: TrainingSettings) -> torch.optim.Optimizer:
    """Return Adafactor (Shazeer and Stern, arXiv:1804.04235) at the rate of the schedule.

    Without the paper's factor max(10⁻³, RMS(θ)): B begins at zero, and its first steps would be a
    thousand times too small.
    """
    from transformers.optimization import Adafactor

    made: torch.optim.Optimizer = Adafactor(
        groups,
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        scale_parameter=False,
        relative_step=False,
    )
    return made


def _sgd(groups: Groups, settings: TrainingSettings) -> torch.optim.Optimizer:
    return torch.optim.SGD(groups, lr=settings.learning_rate, weight_decay=settings.weight_decay)


_BUILDERS: dict[str, Callable[[Groups, TrainingSettings], torch.optim.Optimizer]] = {
    "adamw": _adamw,
    "adamw8bit": _adamw8bit,
    "paged_adamw8bit": _paged_adamw8bit,
    "lion": _lion,
    "adafactor": _adafactor,
    "sgd": _sgd,
}
