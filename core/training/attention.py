"""Attention over packed rows: one causal call per row, and no mask at all.

Rows of T tokens in all lie end to end in one sequence. A row attends to itself alone:

    O_s = softmax(Q_s·K_sᵀ·scale + causal)·V_s    for every row s

That is what a block-diagonal mask over T × T scores would give, at the cost of the blocks only. On
an NVIDIA GPU one variable-length flash kernel does all rows (torch.nn.attention.varlen), elsewhere
each row is a call of scaled_dot_product_attention. transformers calls this function by its name in
the attention interface, so it serves every architecture that uses that interface.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.functional import dropout as drop
from torch.nn.functional import scaled_dot_product_attention

NAME = "rankscope_segments"
_UNKNOWN = ("s_aux", "position_bias", "sinks")  # what changes the scores in ways not written here


@dataclass(frozen=True)
class Segments:
    """Where the rows of a packed micro-batch are.

    Attributes:
        lengths: Tokens of each row, in their order.
        dtype: Number type of scores and sums; None: that of the queries.
        borders: Their running sum from 0, int32 on the device, for the flash kernel; None: no such
            kernel here.
    """

    lengths: tuple[int, ...]
    dtype: torch.dtype | None = None
    borders: torch.Tensor | None = None


def register() -> None:
    """Make `segment_attention` known to transformers under `NAME`, without a mask."""
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    ALL_ATTENTION_FUNCTIONS.register(NAME, segment_attention)
    ALL_MASK_ATTENTION_FUNCTIONS.register(NAME, _no_mask)


@contextmanager
def attending(model: Any, name: str) -> Iterator[None]:
    """Let a model of transformers use the attention called `name` inside this block."""
    before = model.config._attn_implementation
    model.set_attn_implementation(name)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def segment_attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    segments: Segments | None = None,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """Attend within each row; the signature is the one of transformers' attention interface.

    Args:
        module: The attention layer that calls.
        query: (1, heads, T, head size).
        key: The same with as many heads or fewer, which are shared; `value` likewise.
        value: See `key`.
        attention_mask: None; the rows are told apart by `segments`.
        segments: Where the rows are, handed down by the caller of the model.
        scaling: Factor on the scores; None: 1/√(head size).
        dropout: Share of the weights that is silenced.
        sliding_window: How many tokens back a token sees, itself included; None: all.
        softcap: c in c·tanh(scores/c), as Gemma 2 has it.
        **others: What else an architecture hands down.

    Returns:
        (1, T, heads, head size), and no weights.

    Raises:
        NotImplementedError: The architecture wants something that is not written here; the rows
            are padded then (see `core.training.passage`).
    """
    if segments is None or any(others.get(name) is not None for name in _UNKNOWN):
        raise NotImplementedError(f"{type(module).__name__} needs more than causal rows")
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    if segments.borders is not None and softcap is None and not dropout:
        return _flash(query, key, value, segments, scale, sliding_window), None
    dtype = segments.dtype or query.dtype
    parts = (torch.split(x.to(dtype), list(segments.lengths), 2) for x in (query, key, value))
    rows = [
        _attend(q, k, v, scale, window=sliding_window, softcap=softcap, dropout=dropout)
        for q, k, v in zip(*parts, strict=True)
    ]
    return torch.cat(rows, 2).to(query.dtype).transpose(1, 2).contiguous(), None


def _attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    scale: float,
    *,
    window: int | None,
    softcap: float | None,
    dropout: float,
) -> torch.Tensor:
    """Return the attention of one row, (1, heads, L, head size)."""
    length = query.shape[2]
    hidden = _outside(length, window, query.device) if window and length > window else None
    if query.is_cuda:  # without the flash kernel, torch's others know no shared heads
        key, value = (_per_head(tensor, query.shape[1]) for tensor in (key, value))
    if softcap is None:
        return scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=None if hidden is None else ~hidden,
            is_causal=hidden is None,
            dropout_p=dropout,
            scale=scale,
            enable_gqa=query.shape[1] != key.shape[1],
        )
    hidden = _outside(length, length, query.device) if hidden is None else hidden
    key, value = (_per_head(tensor, query.shape[1]) for tensor in (key, value))
    scores = softcap * torch.tanh((query @ key.transpose(2, 3)).float() * (scale / softcap))
    weights = scores.masked_fill(hidden, float("-inf")).softmax(-1).to(value.dtype)
    return drop(weights, p=dropout) @ value


def _outside(length: int, window: int, device: torch.device) -> torch.Tensor:
    """Return what a token must not see: later ones, and those `window` and more before it."""
    distance = torch.arange(length, device=device)
    distance = distance[:, None] - distance[None, :]  # (L, L): of the query behind the key
    return (distance < 0) | (distance >= window)


def _per_head(shared: torch.Tensor, heads: int) -> torch.Tensor:
    count = heads // shared.shape[1]
    return shared if count == 1 else shared.repeat_interleave(count, dim=1)


def _flash(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    segments: Segments,
    scale: float,
    window: int | None,
) -> torch.Tensor:
    from torch.nn.attention.varlen import varlen_attn

    assert segments.borders is not None
    longest = max(segments.lengths)
    dtype = segments.dtype or query.dtype
    q, k, v = (x[0].transpose(0, 1).to(dtype).contiguous() for x in (query, key, value))
    attended = varlen_attn(  # (T, heads, head size)
        q,
        k,
        v,
        segments.borders,
        segments.borders,
        longest,
        longest,
        scale=scale,
        window_size=(-1 if window is None else window - 1, 0),  # nothing to the right: causal
        enable_gqa=query.shape[1] != key.shape[1],
    )
    assert isinstance(attended, torch.Tensor)
    return attended[None].to(query.dtype)


def _no_mask(*_: Any, **__: Any) -> None:
    """Return no mask: the rows are told apart by `Segments`."""
