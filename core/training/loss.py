"""The loss of a causal language model: cross-entropy where there is a label, in chunks.

The logits of all tokens are the largest tensor of a small model by far, and most of them are not
needed: only the tokens of answers have a label. So the N hidden states that predict one are picked
first, and their logits are made, used and forgotten a chunk at a time. For one of them, with the
logits z of V tokens, target t, L = log Σ exp(z), label smoothing ε (Szegedy et al.,
arXiv:1512.00567, §7) and z-loss ζ (PaLM, arXiv:2204.02311, §5):

    loss  = (1 − ε)·(L − z_t) + ε·(L − mean z) + ζ·L²
    ∂/∂z  = softmax(z)·(1 + 2·ζ·L) − (1 − ε)·onehot(t) − ε/V

The gradient is formed while the logits of the chunk are there, so nothing of size N × V is ever
held, neither for the loss nor for its backward pass.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from core.memory.logits import chunk_tokens
from core.training.head import Head


@dataclass(frozen=True)
class Criterion:
    """What is made small.

    Attributes:
        smoothing: ε, the share of the label that is spread over all tokens.
        z_loss: ζ, the weight of L², which keeps the logits from drifting.
    """

    smoothing: float = 0.0
    z_loss: float = 0.0


PLAIN = Criterion()


@dataclass(frozen=True)
class Loss:
    """Sums over the trained tokens of a micro-batch, in nats.

    The sum, not the mean, is what adds up over the micro-batches of one step.

    Attributes:
        objective: What is made small; a scalar with a gradient.
        cross_entropy: What is told to people, whatever the objective: a scalar without one.
    """

    objective: torch.Tensor
    cross_entropy: torch.Tensor


def chunked_loss(
    hidden: torch.Tensor, targets: torch.Tensor, head: Head, criterion: Criterion = PLAIN
) -> Loss:
    """Return the loss of the hidden states that predict `targets`.

    Args:
        hidden: (N, hidden), in the compute type.
        targets: (N,), token ids.
        head: The frozen output layer.
        criterion: What is made small.
    """
    objective, cross_entropy = _ChunkedLoss.apply(  # type: ignore[no-untyped-call]
        hidden, targets, head, criterion, torch.is_grad_enabled() and hidden.requires_grad
    )
    return Loss(objective, cross_entropy)


def plain_loss(logits: torch.Tensor, targets: torch.Tensor, criterion: Criterion = PLAIN) -> Loss:
    """Return the same from logits (N, vocabulary), for models whose head is no plain matrix."""
    logits = logits.float()
    return _sums(logits, logits.log_softmax(-1), targets[:, None], criterion)


@torch.no_grad()
def token_losses(hidden: torch.Tensor, targets: torch.Tensor, head: Head) -> torch.Tensor:
    """Return the cross-entropy of every target on its own, (N,) fp32, chunk by chunk."""
    chunk = chunk_tokens(head.weight.shape[0], on_cpu=hidden.device.type == "cpu")
    parts = [
        plain_token_losses(head.logits(some), wanted)
        for some, wanted in zip(
            torch.split(hidden, chunk), torch.split(targets, chunk), strict=True
        )
    ]
    return torch.cat(parts)


def plain_token_losses(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the same from logits (N, vocabulary)."""
    return nn.functional.cross_entropy(logits.float(), targets, reduction="none")


def _sums(
    logits: torch.Tensor, log_p: torch.Tensor, targets: torch.Tensor, criterion: Criterion
) -> Loss:
    """Return the sums from logits and log-softmax (N, V) and targets (N, 1)."""
    picked = log_p.gather(1, targets)  # z_t − L
    objective = -picked.sum()
    if criterion.smoothing:
        spread = -log_p.mean(-1).sum()
        objective = (1 - criterion.smoothing) * objective + criterion.smoothing * spread
    if criterion.z_loss:
        total = logits.gather(1, targets) - picked  # L
        objective = objective + criterion.z_loss * total.square().sum()
    return Loss(objective, -picked.detach().sum())


class _ChunkedLoss(torch.autograd.Function):
    """Both sums, and the gradient with respect to the hidden states, made in the forward pass."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        targets: torch.Tensor,
        head: Head,
        criterion: Criterion,
        with_gradient: bool,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        objective = hidden.new_zeros((), dtype=torch.float32)
        cross_entropy = torch.zeros_like(objective)
        gradient = torch.empty_like(hidden) if with_gradient else None
        chunk = chunk_tokens(head.weight.shape[0], on_cpu=hidden.device.type == "cpu")
        for start in range(0, len(targets), chunk):
            rows = slice(start, start + chunk)
            into = None if gradient is None else gradient[rows]
            part = _one_chunk(hidden[rows], targets[rows, None], head, criterion, into)
            objective += part.objective
            cross_entropy += part.cross_entropy
        ctx.gradient = gradient
        ctx.mark_non_differentiable(cross_entropy)
        return objective, cross_entropy

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        gradient, ctx.gradient = ctx.gradient, None
        return gradient.mul_(upstream[0]), None, None, None, None


def _one_chunk(
    hidden: torch.Tensor,
    targets: torch.Tensor,
    head: Head,
    criterion: Criterion,
    gradient: torch.Tensor | None,
) -> Loss:
    """Return the sums of one chunk and write its gradient; its logits are forgotten with it."""
    logits = head.logits(hidden)  # (chunk, V), fp32
    log_p = logits.log_softmax(-1)
    part = _sums(logits, log_p, targets, criterion)
    if gradient is not None:
        by_product = head.pull_back(_gradient(logits, log_p, targets, criterion), logits)
        torch.mm(by_product.to(hidden.dtype), head.weight, out=gradient)
    return part


def _gradient(
    logits: torch.Tensor, log_p: torch.Tensor, targets: torch.Tensor, criterion: Criterion
) -> torch.Tensor:
    """Return ∂loss/∂z, (chunk, V), in the place of the log-softmax."""
    total = logits.gather(1, targets) - log_p.gather(1, targets)  # L, (chunk, 1)
    gradient = log_p.exp_()
    if criterion.z_loss:
        gradient *= 1 + 2 * criterion.z_loss * total
    at_target = gradient.gather(1, targets) + (criterion.smoothing - 1)
    gradient.scatter_(1, targets, at_target)  # not scatter_add_, which has no order on a GPU
    if criterion.smoothing:
        gradient -= criterion.smoothing / log_p.shape[1]
    return gradient
