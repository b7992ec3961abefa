"""Kernels that programs put in the place of norms and adapters, by what they keep and make.

Unsloth's, which fms-acceleration uses as well. A norm keeps its input as it is and one fp32 number
per token, and writes its gradient over the one that it was given. On quantized matrices the
adapters of q, k and v are one function: it keeps their common input once, in the compute type, and
what dropout left of it for each of them. That of o is the same for itself.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

TOGETHER = (("q_proj", "k_proj", "v_proj"), ("o_proj",))


def fuse_norms(model: nn.Module) -> None:
    """Let all RMS norms compute in one kernel."""
    for module in model.modules():
        if type(module).__name__.endswith("RMSNorm"):
            module.forward = _FusedNormForward(module)


class _FusedNormForward:
    def __init__(self, norm: nn.Module) -> None:
        self._norm = norm

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        normed: torch.Tensor = _FusedNorm.apply(  # type: ignore[no-untyped-call]
            x, self._norm.weight
        )
        return normed


class _FusedNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x, weight, x.new_empty(x.shape[:-1], dtype=torch.float32))
        return torch.empty_like(x)

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        _, weight, _ = ctx.saved_tensors
        return upstream[0], torch.empty_like(weight) if weight.requires_grad else None


def fuse_adapters(model: nn.Module) -> None:
    """Let the adapters of attention on 4-bit matrices compute as one function each."""
    for module in model.modules():
        for names in TOGETHER:
            layers = [getattr(module, name, None) for name in names]
            if all(_is_adapted_4bit(layer) for layer in layers):
                together = _Together(layers)
                for place, layer in enumerate(layers):
                    layer.forward = _One(together, place)  # type: ignore[union-attr]


def _is_adapted_4bit(layer: Any) -> bool:
    base = getattr(layer, "base_layer", None)
    return type(base).__name__ == "Linear4bit" and hasattr(layer, "lora_A")


class _Together:
    """Layers that are computed when the first of them is called."""

    def __init__(self, layers: Sequence[Any]) -> None:
        self.layers = layers
        self.outputs: dict[int, torch.Tensor] = {}

    def output(self, place: int, x: torch.Tensor) -> torch.Tensor:
        if not self.outputs:
            factors = [f["default"].weight for y in self.layers for f in (y.lora_A, y.lora_B)]
            made = _FusedAdapters.apply(x, self.layers, *factors)  # type: ignore[no-untyped-call]
            self.outputs = dict(enumerate(made))
        return self.outputs.pop(place)


class _One:
    def __init__(self, together: _Together, place: int) -> None:
        self._together = together
        self._place = place

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return self._together.output(self._place, x)


class _FusedAdapters(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, layers: Sequence[Any], *factors: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        outputs, dropped = [], []
        for layer, a, b in zip(layers, factors[::2], factors[1::2], strict=True):
            output = x @ _unpacked(layer).t()
            left = layer.lora_dropout["default"](x)
            output += (left @ a.t().to(x.dtype)) @ b.t().to(x.dtype)
            outputs.append(output)
            dropped.append(left)
        ctx.layers = layers
        ctx.save_for_backward(x, *factors, *dropped)
        return tuple(outputs)

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        count = len(ctx.layers)
        x, *factors = ctx.saved_tensors[: 1 + 2 * count]
        dropped = ctx.saved_tensors[1 + 2 * count :]
        gradients: list[torch.Tensor | None] = []
        dx = None
        for place, (layer, dy, left) in enumerate(zip(ctx.layers, upstream, dropped, strict=True)):
            a, b = (factor.to(x.dtype) for factor in factors[2 * place : 2 * place + 2])
            by_adapter = dy @ b
            gradients += [torch.empty_like(f) for f in factors[2 * place : 2 * place + 2]]
            by_weight = dy @ _unpacked(layer)
            dx = by_weight if dx is None else dx.add_(by_weight)
            dx += (left != 0) * (by_adapter @ a)
        return dx, None, *gradients


def _unpacked(layer: Any) -> torch.Tensor:
    from bitsandbytes.functional import dequantize_4bit

    base = layer.base_layer
    weight: torch.Tensor = dequantize_4bit(base.weight.data, base.weight.quant_state)
    return weight
