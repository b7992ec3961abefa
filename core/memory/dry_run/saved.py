"""Programs that keep for backward what others do not, or keep it elsewhere."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn


def keep_inputs(model: nn.Module) -> None:
    """Let 4-bit layers keep their inputs, as those of bitsandbytes did before 0.43.2."""
    from bitsandbytes.nn import Linear4bit

    for module in model.modules():
        if isinstance(module, Linear4bit):
            module.register_forward_hook(_keep)


def _keep(module: Any, args: tuple[torch.Tensor, ...], output: torch.Tensor) -> torch.Tensor:
    dtype = module.compute_dtype or args[0].dtype
    kept: torch.Tensor = _Keeping.apply(output, args[0].to(dtype))  # type: ignore[no-untyped-call]
    return kept


class _Keeping(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, output: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
        ctx.kept = kept  # where no checkpointing can free it
        return output.view_as(output)

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        return upstream[0], None


def offloaded(forward: Callable[..., Any], hidden: torch.Tensor, *others: Any, **_: Any) -> Any:
    """Checkpoint a block whose input waits in the memory of the processor, as Unsloth does.

    Nothing waits here: the input comes back as a new tensor, since none of them has content.
    """
    return _Offloaded.apply(forward, hidden, *others)  # type: ignore[no-untyped-call]


class _Offloaded(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, forward: Callable[..., Any], hidden: torch.Tensor, *others: Any
    ) -> torch.Tensor:
        ctx.forward_block, ctx.others = forward, others
        ctx.hidden = (hidden.shape, hidden.dtype, hidden.device)
        output: torch.Tensor = forward(hidden, *others)
        return output

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        shape, dtype, device = ctx.hidden
        hidden = torch.empty(shape, dtype=dtype, device=device, requires_grad=True)
        with torch.enable_grad():
            output = ctx.forward_block(hidden, *ctx.others)
        torch.autograd.backward(output, upstream[0])
        return None, hidden.grad, *(None for _ in ctx.others)
