"""What kernels do with memory on an NVIDIA GPU, where torch on this machine cannot tell.

A fake tensor shows what an operator returns, not what its kernel allocates inside itself; and which
attention kernel runs is decided by the device. From the sources of torch 2.13, flash-attn 2.7 and
bitsandbytes 0.50:

- Attention keeps q, k, v, its output and one fp32 log-sum-exp per head and token, and nothing else.
  Its backward pass sums dq in fp32 where the inputs have 16 bits, holds one more fp32 number per
  head and token, and with shared heads makes dk and dv first for every head of q.
- With a mask the memory-efficient kernel runs: it wants the mask in the type of q, and keeps it.
- The backward pass of softmax makes gradient · output first, as large as the scores.
- 4-bit products unpack the whole matrix (bitsandbytes has kernels without that for some hundred
  tokens at most), and with double quantization its scales before that, twice.
- LLM.int8 multiplies into int32. No column of the input is taken for an outlier.
"""

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import torch

WIDE = 4  # bytes of fp32 and int32


def fused_attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the output of attention, (b, heads, s, head size), laid out as (b, s, heads, …).

    Args:
        query: (b, heads, s, head size).
        key: The same, with as many heads or fewer, which are shared; `value` likewise.
        value: See `key`.
        mask: Broadcast to (b, heads, s, s); None: rows of one length.
    """
    if mask is not None and mask.dtype != query.dtype:
        mask = torch.empty_like(mask, dtype=query.dtype)
    attended: torch.Tensor = _FusedAttention.apply(  # type: ignore[no-untyped-call]
        query, key, value, mask
    )
    return attended


class _FusedAttention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        mask: torch.Tensor | None,
    ) -> torch.Tensor:
        rows, heads, length, _ = query.shape
        output = query.new_empty(rows, length, heads, value.shape[-1]).transpose(1, 2)
        log_sum_exp = query.new_empty(rows, heads, length, dtype=torch.float32)
        ctx.save_for_backward(query, key, value, mask, output, log_sum_exp)
        return output

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        query, key, value, _, output, log_sum_exp = ctx.saved_tensors
        inside = [torch.empty_like(log_sum_exp)]
        if query.dtype.itemsize < WIDE:
            inside.append(torch.empty_like(query, dtype=torch.float32))
        if key.shape[1] != query.shape[1]:
            inside += [torch.empty_like(query), torch.empty_like(output)]
        return torch.empty_like(query), torch.empty_like(key), torch.empty_like(value), None


def hidden_bytes(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
    """Return what the kernel of the operator `name` allocates inside itself."""
    count = _HIDDEN.get(name)
    return count(*args, **kwargs) if count else 0


def _softmax_backward(gradient: torch.Tensor, *_: Any) -> int:
    return gradient.numel() * gradient.dtype.itemsize


def _packed_attention_backward(
    _: torch.Tensor, query: torch.Tensor, key: torch.Tensor, *others: Any
) -> int:
    """Count for tensors of (T, heads, head size), as `_FusedAttention` does."""
    inside = WIDE * prod(query.shape[:2]) + WIDE * query.numel()
    if key.shape[1] != query.shape[1]:
        inside += 2 * query.numel() * query.dtype.itemsize
    return inside


def _gemm_4bit(x: torch.Tensor, *others: Any) -> int:
    """Count for x, weights, shape, scales, block size, kind, bias, 8-bit scales."""
    shape, narrow = others[1], others[6] if len(others) > 6 else None
    scales: int = 0 if narrow is None else 2 * WIDE * narrow.numel()
    return scales + int(prod(shape)) * x.dtype.itemsize


def _int8_product(
    x: torch.Tensor, rows: torch.Tensor, matrix: torch.Tensor, *_: Any, **__: Any
) -> int:
    return WIDE * rows.shape[0] * matrix.shape[0]


_HIDDEN: Mapping[str, Callable[..., int]] = {
    "aten::_softmax_backward_data": _softmax_backward,
    "torch_attn::_varlen_attn_backward": _packed_attention_backward,
    "bitsandbytes::gemm_4bit": _gemm_4bit,
    "bitsandbytes::int8_mixed_scaled_mm": _int8_product,
}


def _quantized_rows(x: torch.Tensor, threshold: float = 0.0) -> tuple[torch.Tensor, ...]:
    """Stand in for int8_vectorwise_quant, whose number of outliers only numbers can tell."""
    rows = x.new_empty(x.numel() // x.shape[-1], dtype=torch.float32)
    return torch.empty_like(x, dtype=torch.int8), rows, x.new_empty(0, dtype=torch.int64)


def _mixed_product(
    x: torch.Tensor, rows: torch.Tensor, matrix: torch.Tensor, *_: Any, **__: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    """Stand in for int8_mixed_scaled_mm without outliers."""
    return x.new_empty(*rows.shape[:-1], matrix.shape[0]), x.new_empty(0)


def _unpacked_into(*_: Any) -> None:
    """Stand in for dequantize_4bit.out, whose fake kernel takes no list for a shape."""


def _counts(x: torch.Tensor, bins: int = 100, *_: Any, **__: Any) -> torch.Tensor:
    """Stand in for histc of integers, which processors do not have."""
    return x.new_empty(bins)


def _experts_product(
    x: torch.Tensor, y: torch.Tensor, offs: torch.Tensor, *_: Any, **__: Any
) -> torch.Tensor:
    """Stand in for _grouped_mm in any type: of all rows, or the gradient of every expert."""
    if y.dim() == 3:
        return x.new_empty(x.shape[0], y.shape[-1])
    return x.new_empty(len(offs), x.shape[0], y.shape[1])


STAND_INS: Mapping[str, Callable[..., Any]] = {
    "aten::histc": _counts,
    "aten::_grouped_mm": _experts_product,
    "bitsandbytes::dequantize_4bit.out": _unpacked_into,
    "bitsandbytes::int8_vectorwise_quant": _quantized_rows,
    "bitsandbytes::int8_mixed_scaled_mm": _mixed_product,
}
"""By the name of the operator; those that fake tensors on a processor refuse."""
