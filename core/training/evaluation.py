"""The mean loss over the held-out rows."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from core.data.batches import collate
from core.events import Progress
from core.training.loss import summed_loss
from core.training.requests import Requests
from core.training.trainee import trained_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.training.trainee import Trainee


def evaluate(trainee: "Trainee", requests: Requests) -> Generator[Progress, None, float]:
    """Return the mean cross-entropy over the trained tokens of all held-out rows, in nats.

    Rows of similar length go together, which saves padding and changes no sum.

    Raises:
        Halt: A stop or a pause was asked for.
    """
    rows = sorted(trainee.held_out, key=lambda example: len(example.ids))
    size = trainee.settings.training.micro_batch
    total = 0.0
    for start in range(0, len(rows), size):
        requests.check()
        batch = collate(rows[start : start + size], trainee.pad_id)
        with _evaluating(trainee.model):
            total += summed_loss(trainee.model, to_device(batch, trainee)).item()
        share = min(1.0, (start + size) / len(rows))
        yield Progress(phase="evaluating", message=f"Held-out rows: {len(rows)}", share=share)
    return total / trained_tokens(rows)


def to_device(batch: dict[str, torch.Tensor], trainee: "Trainee") -> dict[str, torch.Tensor]:
    """Return the batch on the device of the model."""
    return {name: tensor.to(trainee.precision.device) for name, tensor in batch.items()}


@contextmanager
def _evaluating(model: torch.nn.Module) -> "Iterator[None]":
    """Switch dropout and gradients off for one forward pass; never held across a yield."""
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train()
