"""A training step as this program makes it, through the functions that train."""

from dataclasses import replace
from itertools import repeat
from typing import Any

import torch

from core.data.encode import Example
from core.settings import RunSettings
from core.training.attention import NAME
from core.training.head import Head
from core.training.loss import Criterion
from core.training.micro_batch import Layout, MicroBatch
from core.training.passage import Passage

_TENSORS = ("ids", "positions", "mask", "predictors", "targets")


class OurStep:
    """Forward and backward passes over one micro-batch.

    Args:
        model: The adapted model, moved.
        settings: The run.
        batch: The micro-batch, on the processor.
        device: Where it goes.
        attention: Number type of attention over packed rows; None: they are padded.
        flash: Packed rows are attended to by one kernel.
    """

    def __init__(
        self,
        model: Any,
        settings: RunSettings,
        batch: MicroBatch,
        device: str,
        *,
        attention: torch.dtype | None,
        flash: bool,
    ) -> None:
        self.passage = Passage(
            model,
            NAME if attention else settings.model.attention,
            Head.of(model.get_base_model()),
            attention,
            flash,
        )
        self.batch = _moved(batch, device)
        self.criterion = Criterion(settings.training.label_smoothing, settings.training.z_loss)

    @property
    def inputs(self) -> dict[str, Any]:
        """The micro-batch by name."""
        return vars(self.batch)

    def forward(self) -> tuple[torch.Tensor | None, Any]:
        """Return the objective, scaled as a step scales it."""
        loss = self.passage.loss(self.batch, self.criterion)
        return loss.objective * 1.0, loss


def largest_batch(
    settings: RunSettings, length: int, trained_share: float, *, packed: bool
) -> MicroBatch:
    """Return a micro-batch of rows of this length, whose last tokens are trained.

    Nothing predicts the first token of a row.
    """
    trained = min(length - 1, max(1, round(trained_share * length)))
    flags = (*repeat(False, length - trained), *repeat(True, trained))
    rows = [
        Example(ids=(0,) * length, trained=flags, row=row)
        for row in range(settings.training.micro_batch)
    ]
    return as_tensors(rows, packed=packed)


def as_tensors(rows: list[Example], *, packed: bool) -> MicroBatch:
    """Return these rows as one micro-batch on the processor."""
    return Layout.of(rows, len(rows), 0, packed=packed).tensors(rows)


def _moved(batch: MicroBatch, device: str) -> MicroBatch:
    def moved(tensor: torch.Tensor | None) -> Any:
        return (
            None if tensor is None else torch.empty(tensor.shape, dtype=tensor.dtype, device=device)
        )

    return replace(batch, **{name: moved(getattr(batch, name)) for name in _TENSORS})
