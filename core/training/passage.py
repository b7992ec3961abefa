"""The way of a micro-batch through a model to its loss, as short as the model allows.

Two shortcuts are taken where they are proven on the very model that is trained: rows packed into
one sequence instead of padded ones (`core.training.attention`), and logits only where there is a
label, in chunks (`core.training.loss`). Before the first step a trial compares both with the plain
way: two short rows, each alone, through the model's own forward pass. What differs is not used, and
the run says so.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import torch
from peft import PeftModel

from core.training.attention import NAME, Segments
from core.training.head import Head
from core.training.loss import (
    PLAIN,
    Criterion,
    Loss,
    chunked_loss,
    plain_loss,
    plain_token_losses,
    token_losses,
)
from core.training.micro_batch import MicroBatch


@dataclass(frozen=True)
class Passage:
    """The way through one model.

    Attributes:
        model: The adapted model.
        implementation: What transformers calls the attention.
        head: The formula of its logits; None: its own forward pass makes them.
        attention: Number type of attention where rows are packed; None: the compute type.
        flash: Packed rows are attended to by the variable-length flash kernel.
    """

    model: PeftModel
    implementation: str = "sdpa"
    head: Head | None = None
    attention: torch.dtype | None = None
    flash: bool = False

    @property
    def packed(self) -> bool:
        """Whether rows are packed, not padded."""
        return self.implementation == NAME

    def loss(self, batch: MicroBatch, criterion: Criterion = PLAIN) -> Loss:
        """Return the summed loss over the trained tokens of a micro-batch on the device."""
        if self.head is None:
            return plain_loss(self._own_logits(batch), batch.targets, criterion)
        return chunked_loss(self._hidden(batch), batch.targets, self.head, criterion)

    def token_losses(self, batch: MicroBatch) -> torch.Tensor:
        """Return the cross-entropy of every trained token, (N,) fp32; a row's stand together."""
        if self.head is None:
            return plain_token_losses(self._own_logits(batch), batch.targets)
        return token_losses(self._hidden(batch), batch.targets, self.head)

    def logits(self, batch: MicroBatch) -> torch.Tensor:
        """Return the logits of the trained tokens, (N, vocabulary), fp32."""
        if self.head is None:
            return self._own_logits(batch).float()
        return self.head.logits(self._hidden(batch))

    def _hidden(self, batch: MicroBatch) -> torch.Tensor:
        """Return the last hidden states that predict a trained token, (N, hidden)."""
        output = self.model.get_base_model().get_decoder()(**self._arguments(batch))
        hidden: torch.Tensor = output.last_hidden_state.flatten(0, 1)[batch.predictors]
        return hidden

    def _own_logits(self, batch: MicroBatch) -> torch.Tensor:
        """Return the model's own logits at the predictors, (N, vocabulary)."""
        arguments = self._arguments(batch)
        if self.packed:  # of one sequence the model can leave the other logits out
            own: torch.Tensor = self.model(**arguments, logits_to_keep=batch.predictors).logits
            return own[0]
        logits: torch.Tensor = self.model(**arguments).logits
        return logits.flatten(0, 1)[batch.predictors]

    def _arguments(self, batch: MicroBatch) -> dict[str, Any]:
        arguments: dict[str, Any] = {"input_ids": batch.ids, "use_cache": False}
        if batch.mask is not None:
            return {**arguments, "attention_mask": batch.mask}
        borders = None
        if self.flash:
            ends = [0, *accumulate(batch.lengths)]
            borders = torch.tensor(ends, dtype=torch.int32, device=batch.ids.device)
        segments = Segments(batch.lengths, self.attention, borders)
        return {**arguments, "position_ids": batch.positions, "segments": segments}


@contextmanager
def evaluating(model: torch.nn.Module) -> Iterator[None]:
    """Switch dropout and gradients off for one forward pass; never held across a yield."""
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train()
