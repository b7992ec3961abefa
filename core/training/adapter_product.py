"""The product of an adapted matrix in one step, forward and backward.

For rows x of a frozen W (out, in) with factors A (r, in), B (out, r) and scaling s:

    h  = x·Aᵀ                    (T, r)
    y  = x·Wᵀ + b + s·h·Bᵀ       (T, out)
    g  = s·dy·B                  (T, r)
    dx = dy·W + g·A,   dA = gᵀ·x,   dB = s·dyᵀ·h

The brackets are set so that nothing of the size of W is formed. PEFT computes the same, but turns
x, y and dy of every module into fp32 tensors and keeps those of x for backward; here x is kept as
it is, once for all modules that read it, and each sum is one pass over memory.

The products with A and B run in fp32, or ("model") in the compute type with copies of the fp32
factors: the optimizer still sees and changes the fp32 ones.
"""

from typing import Any, Literal, Protocol

import torch
from torch import nn

from core.training.four_bit import Buffer, FourBitMatrix

Products = Literal["fp32", "model"]


class FrozenMatrix(Protocol):
    """W and b of a layer that does not learn."""

    def times(self, x: torch.Tensor, *, again: bool) -> torch.Tensor:
        """Return x·Wᵀ + b; `again`: in the backward pass of a checkpointed block."""

    def pulled_back(self, dy: torch.Tensor) -> torch.Tensor:
        """Return dy·W."""


class DenseMatrix:
    """A frozen matrix in the compute type."""

    def __init__(self, layer: nn.Linear) -> None:
        self._layer = layer

    def times(self, x: torch.Tensor, *, again: bool) -> torch.Tensor:
        """Return x·Wᵀ + b."""
        return nn.functional.linear(x, self._layer.weight, self._layer.bias)

    def pulled_back(self, dy: torch.Tensor) -> torch.Tensor:
        """Return dy·W."""
        return dy @ self._layer.weight


class _AdaptedProduct(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        a: torch.Tensor,
        b: torch.Tensor,
        matrix: FrozenMatrix,
        scaling: float,
    ) -> torch.Tensor:
        h = (x.to(a.dtype) @ a.t()).mul_(scaling)  # s·x·Aᵀ
        y = matrix.times(x, again=ctx.needs_input_grad[0] and _in_backward())
        y += h @ b.t()  # one pass, summed in the wider of both types
        ctx.save_for_backward(x, a, b, h)
        ctx.matrix, ctx.scaling = matrix, scaling
        return y

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, a, b, h = ctx.saved_tensors
        dy = upstream[0].contiguous()
        wide = dy.to(a.dtype)
        g = (wide @ b).mul_(ctx.scaling)
        da = g.t() @ x.to(a.dtype)
        db = (h.t() @ wide).t()
        dx = None
        if ctx.needs_input_grad[0]:
            dx = ctx.matrix.pulled_back(dy)
            dx += g @ a
        return dx, da, db, None, None


def _in_backward() -> bool:
    """Tell whether autograd is at work, that is, whether this forward pass is one of checkpointing.

    torch.utils.checkpoint asks the same way.
    """
    return torch._C._current_graph_task_id() != -1


class _AdaptedForward:
    """Stands in for the forward pass of one of PEFT's layers."""

    def __init__(self, layer: Any, matrix: FrozenMatrix, products: Products) -> None:
        self._layer = layer
        self._plain = layer.forward
        self._matrix = matrix
        self._products = products

    def __call__(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        layer = self._layer
        if layer.disable_adapters or layer.merged or args or kwargs:
            plain: torch.Tensor = self._plain(x, *args, **kwargs)
            return plain
        a, b = layer.lora_A["default"].weight, layer.lora_B["default"].weight
        if self._products == "model":
            a, b = a.to(x.dtype), b.to(x.dtype)
        rows = x.reshape(-1, x.shape[-1])
        y: torch.Tensor = _AdaptedProduct.apply(  # type: ignore[no-untyped-call]
            rows, a, b, self._matrix, layer.scaling["default"]
        )
        return y.view(*x.shape[:-1], y.shape[-1])


def shorten_products(model: nn.Module, products: Products) -> int:
    """Let the adapted layers of a PEFT model compute as above; return how many do.

    Those that are more than W + s·B·A keep PEFT's own forward pass: DoRA and other variants,
    dropout, biases of the factors, 8-bit weights, and layers that are no plain matrix.
    """
    shortened, buffer = 0, Buffer()
    for layer in model.modules():
        matrix = _matrix_of(layer, buffer)
        if matrix is not None:
            layer.forward = _AdaptedForward(layer, matrix, products)
            shortened += 1
    return shortened


def _matrix_of(layer: Any, buffer: Buffer) -> FrozenMatrix | None:
    """Return the frozen matrix of a plain LoRA layer, None for anything else."""
    from peft.tuners.lora import LoraLayer

    if not isinstance(layer, LoraLayer) or "default" not in layer.lora_A or layer.lora_variant:
        return None
    if type(layer.lora_dropout["default"]) is not nn.Identity or layer.lora_bias["default"]:
        return None
    base = layer.get_base_layer()
    if type(base) is nn.Linear:
        return DenseMatrix(base)
    return FourBitMatrix(base, buffer) if type(base).__name__ == "Linear4bit" else None
