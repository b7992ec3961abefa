"""The loss of a causal language model: cross-entropy of the trained tokens alone."""

from typing import Any

import torch
from torch import nn

from core.data.batches import IGNORED


def summed_loss(model: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return the sum of the cross-entropy over the trained tokens of `batch`, in nats (fp32).

    The model's own forward makes the logits, so whatever it does to them (soft-capping, scaling)
    holds here as well. A label at position t is predicted by the logits at t - 1. The sum, not
    the mean, is what adds up over the micro-batches of one step.

    Args:
        model: A causal model of transformers, wrapped by PEFT or not.
        batch: `input_ids`, `attention_mask` and `labels`, each (rows, positions); untrained
            positions have the label -100.
    """
    output: Any = model(
        input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], use_cache=False
    )
    targets = batch["labels"][:, 1:]
    trained = targets != IGNORED
    logits = output.logits[:, :-1][trained].float()
    return nn.functional.cross_entropy(logits, targets[trained], reduction="sum")
