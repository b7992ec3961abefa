"""Programs that keep for backward what others do not, or keep it elsewhere."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn


def keep_inputs(model: nn.Module) -> None:
    """Let 4-bit layers keep their inputs, as those of bitsandbytes did before 0.43.2."""
    for module in model.modules():
        if type(module).__name__ == "Linear4bit":
            module.register_forward_hook(_keep)


def _keep(module: Any, args: tuple[torch.Tensor, ...], output: torch.Tensor) -> torch.Tensor:
    dtype = module.compute_dtype or args[0].dtype
    kept: torch.Tensor = _Keeping.apply(output, args[0].to(dtype))  # type: ignore[no-untyped-call]
    return kept


class _Keeping(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, output: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(kept)
        return output.view_as(output)

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        return upstream[0], None


def offloaded(forward: Callable[..., Any], hidden: torch.Tensor, *others: Any) -> Any:
    """Checkpoint a block whose input waits in the memory of the processor, as Unsloth does."""
    return _Offloaded.apply(forward, hidden, *others)  # type: ignore[no-untyped-call]


class _Offloaded(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, forward: Callable[..., Any], hidden: torch.Tensor, *others: Any
    ) -> torch.Tensor:
        ctx.forward_block, ctx.others, ctx.device = forward, others, hidden.device
        ctx.save_for_backward(hidden.to("cpu"))
        output: torch.Tensor = forward(hidden, *others)
        return output

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        hidden = ctx.saved_tensors[0].to(ctx.device).detach().requires_grad_()
        with torch.enable_grad():
            output = ctx.forward_block(hidden, *ctx.others)
        torch.autograd.backward(output, upstream[0])
        return None, hidden.grad, *(None for _ in ctx.others)
