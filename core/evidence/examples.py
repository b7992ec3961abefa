"""The loss of every example on its own, the way that training and its evaluations go."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from core.data.encode import Example
from core.data.token_rows import lengths_of, trained_lengths_of
from core.events import Progress
from core.ranks.metrics import Array
from core.training.micro_batch import Layout, MicroBatch
from core.training.passage import Passage, evaluating


@dataclass(frozen=True)
class Pass:
    """One of several passes over examples, for the progress that is told.

    Attributes:
        what: Whose loss it is, in words.
        number: From 0.
        of: Passes in all.
    """

    what: str
    number: int
    of: int

    def progress(self, share: float) -> Progress:
        """Return the progress of all passes, when `share` of this one is done."""
        message = f"Loss of {self.what}, {self.number + 1} of {self.of}"
        done = (self.number + share) / self.of
        return Progress(phase="evaluating", message=message, share=done)


class Examples:
    """Examples that are laid out once and measured many times.

    Attributes:
        tokens: Trained tokens of each example, (N,).
    """

    def __init__(self, rows: Sequence[Example], layout: Layout, device: torch.device) -> None:
        self.tokens: Array = np.array(trained_lengths_of(rows), np.float64)
        order = np.argsort(lengths_of(rows), kind="stable")  # similar lengths go together
        numbered = {row.row: place for place, row in enumerate(rows)}
        self._places: list[list[int]] = []
        self._batches: list[MicroBatch] = []
        for part in layout.split([rows[i] for i in order]):
            self._places.append([numbered[row.row] for row in part])
            self._batches.append(layout.tensors(part).to(device))

    def losses(
        self, passage: Passage, check: Callable[[], None], during: Pass
    ) -> Generator[Progress, None, Array]:
        """Return the summed cross-entropy of each example, (N,) in nats, dropout off.

        Args:
            passage: The way through the model.
            check: Called before each micro-batch; what it raises ends the work.
            during: What is told meanwhile.
        """
        sums = np.zeros(len(self.tokens))
        for done, (places, batch) in enumerate(zip(self._places, self._batches, strict=True)):
            check()
            with evaluating(passage.model):
                losses = passage.token_losses(batch).double().cpu()
            counts = self.tokens[places].astype(int).tolist()
            sums[places] = [float(part.sum()) for part in torch.split(losses, counts)]
            yield during.progress((done + 1) / len(self._batches))
        return sums
