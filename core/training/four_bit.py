"""Frozen 4-bit weights: unpacked once per use, into memory that all matrices share.

A product needs the whole matrix W in the compute type for a moment. On a GPU one buffer, as large
as the largest matrix, serves all of them, since a product is over before the next one begins. (The
kernels of bitsandbytes for processors make a tensor of their own; unpacking is 4 % of a product
there.) A checkpointed block computes its forward pass again just before its backward pass: there
the matrices of that one block stay unpacked from the one to the other.
"""

from typing import Any

import torch
from torch import nn


class FourBitMatrix:
    """The weight of a bitsandbytes layer as `core.training.adapter_product` uses it.

    Args:
        layer: A `bitsandbytes.nn.Linear4bit`.
        buffer: Room that is shared with the other matrices of the model.
    """

    def __init__(self, layer: Any, buffer: "Buffer") -> None:
        self._layer = layer
        self._buffer = buffer
        self._kept: torch.Tensor | None = None

    def times(self, x: torch.Tensor, *, again: bool) -> torch.Tensor:
        """Return x·Wᵀ + b; `again`: a backward pass waits for this forward pass."""
        weight = self._unpacked(x, alone=again)
        self._kept = weight if again else None
        return nn.functional.linear(x, weight, self._layer.bias)

    def pulled_back(self, dy: torch.Tensor) -> torch.Tensor:
        """Return dy·W."""
        weight, self._kept = self._kept, None
        return dy @ (self._unpacked(dy) if weight is None else weight)

    def _unpacked(self, like: torch.Tensor, *, alone: bool = False) -> torch.Tensor:
        """Return W, (out, in), in the type of `like`; valid until the next one, or `alone`."""
        from bitsandbytes.functional import dequantize_4bit

        state = self._layer.weight.quant_state
        room = None
        if like.device.type == "cuda" and state.dtype == like.dtype and not alone:
            room = self._buffer.of(state.shape, like)
        weight: torch.Tensor = dequantize_4bit(self._layer.weight.data, state, out=room)
        return weight.to(like.dtype)


class Buffer:
    """Room for one unpacked matrix at a time."""

    def __init__(self) -> None:
        self._room: torch.Tensor | None = None

    def of(self, shape: torch.Size, like: torch.Tensor) -> torch.Tensor:
        """Return a view of `shape` in the type and on the device of `like`; its content is any."""
        size = shape.numel()
        if self._room is None or self._room.numel() < size:
            self._room = torch.empty(size, dtype=like.dtype, device=like.device)
        return self._room[:size].view(shape)
