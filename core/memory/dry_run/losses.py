"""The cross-entropies of training programs, as far as memory tells them apart.

They stand in for `loss_function` of a model of transformers: logits (b, s, V) and labels (b, s) in,
a scalar out. `ForCausalLMLoss` of transformers 5 is the plain one.
"""

from collections.abc import Callable
from functools import partial
from math import ceil, log2
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

from core.memory.stack import Loss

CHUNKS = 8  # into which torchtune cuts the tokens
KEPT_CHUNK = 128  # tokens of a chunk of litgpt


def loss_function(loss: Loss) -> Callable[..., torch.Tensor]:
    """Return what a model calls with `logits`, `labels` and `vocab_size`."""
    if loss.kind in ("chunks", "kept-chunks"):
        return partial(_in_chunks, kept=loss.kind == "kept-chunks")
    return partial(_of_all_logits, loss)


def _of_all_logits(
    loss: Loss, logits: torch.Tensor, labels: torch.Tensor, vocab_size: int, **_: Any
) -> torch.Tensor:
    wide = shifted = logits.float()  # alive to the end, beside what is made of it
    if loss.shifts:
        shifted = wide[..., :-1, :].contiguous()
        labels = labels[..., 1:].contiguous()
    shifted, labels = shifted.view(-1, vocab_size), labels.view(-1)
    if loss.kind == "fused":
        per_token: torch.Tensor = _FusedLoss.apply(shifted, labels)  # type: ignore[no-untyped-call]
        return per_token.sum()
    return cross_entropy(shifted, labels)


def _in_chunks(
    logits: torch.Tensor, labels: torch.Tensor, vocab_size: int, *, kept: bool, **_: Any
) -> torch.Tensor:
    """Return the sum over chunks of tokens, each made fp32 by itself.

    torchtune compiles a chunk: backward makes its fp32 numbers once more. litgpt keeps them.
    """
    logits, labels = logits.view(-1, vocab_size), labels.view(-1)
    size = KEPT_CHUNK if kept else -(-len(labels) // CHUNKS)
    pairs = zip(torch.split(logits, size), torch.split(labels, size), strict=True)
    chunk = _chunk if kept else partial(checkpoint, _chunk, use_reentrant=False)
    return torch.stack([chunk(part, targets) for part, targets in pairs]).sum()


def _chunk(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return cross_entropy(logits.float(), labels, reduction="sum")


class _FusedLoss(torch.autograd.Function):
    """Unsloth's kernel: it keeps the logits and writes their gradient over them."""

    @staticmethod
    def forward(ctx: Any, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        losses = logits.new_empty(len(labels), dtype=torch.float32)
        ctx.save_for_backward(logits, torch.empty_like(losses), labels)
        return losses

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        logits, _, _ = ctx.saved_tensors
        return logits, None


def fused_linear_loss(
    hidden: torch.Tensor, head: torch.Tensor, labels: torch.Tensor
) -> torch.Tensor:
    """Return Liger's fused head and loss: hidden (b, s, h), head (V, h), labels (b, s)."""
    shifted = hidden[..., :-1, :].contiguous().view(-1, hidden.shape[-1])
    loss: torch.Tensor = _FusedLinearLoss.apply(  # type: ignore[no-untyped-call]
        shifted, head, labels[..., 1:].contiguous().view(-1)
    )
    return loss


class _FusedLinearLoss(torch.autograd.Function):
    """Liger's `fused_linear_cross_entropy_forward`: both gradients are made in the forward pass."""

    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, head: torch.Tensor, labels: torch.Tensor
    ) -> torch.Tensor:
        tokens, size = hidden.shape
        parts = ceil(head.shape[0] / size)
        chunk = 2 ** ceil(log2(ceil(tokens / parts)))
        gradient = torch.zeros_like(hidden)
        of_head = torch.zeros_like(head) if head.requires_grad else None
        losses = hidden.new_zeros(tokens, dtype=torch.float32)
        for start in range(0, tokens, chunk):
            rows = slice(start, start + chunk)
            logits = (hidden[rows] @ head.t()).float()
            logits = logits.to(hidden.dtype)
            scaled = logits * losses[0]
            gradient[rows] = scaled.to(hidden.dtype) @ head
            if of_head is not None:
                torch.addmm(of_head, logits.t(), hidden[rows], out=of_head)
        ctx.save_for_backward(gradient, of_head)
        return losses.sum()

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        gradient, of_head = ctx.saved_tensors
        return gradient, of_head, None
