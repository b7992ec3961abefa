"""One optimizer step: forward and backward over the micro-batches, then one update."""

from contextlib import nullcontext
from dataclasses import dataclass

import torch

from core.training.ahead import Batch
from core.training.guards import require_finite
from core.training.loss import Criterion
from core.training.micro_batch import MicroBatch
from core.training.passage import Passage
from core.training.prefix import PrefixCache
from core.training.requests import Requests
from core.training.schedule import learning_rate
from core.training.seeds import seed_everything
from core.training.trainee import Trainee, trained_tokens


@dataclass(frozen=True)
class StepResult:
    """What a step came to.

    Attributes:
        loss: Mean cross-entropy over the trained tokens of the effective batch, in nats.
        gradient_norm: Norm of the whole gradient before clipping.
    """

    loss: float
    gradient_norm: float
    learning_rate: float


class Stepper:
    """Does optimizer steps; the random numbers of one follow from the seed and its number alone.

    Attributes:
        prefix: Spares the frozen lower blocks a second look at a row; None: they look each time.
    """

    def __init__(self, trainee: Trainee, passage: Passage, requests: Requests) -> None:
        self._trainee = trainee
        self._passage = passage
        self._requests = requests
        self._training = trainee.settings.training
        self._criterion = Criterion()
        self._scale = trainee.precision.loss_scale
        self.prefix: PrefixCache | None = None

    def step(self, number: int, batch: Batch) -> StepResult:
        """Do step `number` over an effective batch.

        The summed loss of every micro-batch is divided by the trained tokens of the whole batch,
        so that neither accumulation nor packing changes anything but memory and speed.

        Raises:
            Halt: A stop or a pause was asked for; adapter and optimizer are as before.
            Mishap: A number is not finite; adapter and optimizer are as before.
        """
        seed_everything(self._training.seed, number)
        rows = [example.row for example in batch.rows]
        trained, loss = trained_tokens(batch.rows), 0.0
        for micro_batch in batch.micro_batches:
            self._requests.check()
            loss += self._forward_backward(micro_batch, trained)
            require_finite(loss, "loss", number, rows)
        norm = self._clip()
        require_finite(norm, "gradient", number, rows)
        rate = learning_rate(number, self._training)
        self._update(rate)
        return StepResult(loss, norm, rate)

    def close(self) -> None:
        """Give back what lies on the disk."""
        if self.prefix is not None:
            self.prefix.close()

    def rehearse(self, batch: Batch) -> None:
        """Go forward and backward over one micro-batch, and leave everything as it was."""
        self._forward_backward(batch.micro_batches[0], trained_tokens(batch.rows))
        self._trainee.optimizer.zero_grad()

    def _forward_backward(self, batch: MicroBatch, trained: int) -> float:
        """Add the gradient of one micro-batch; return its share of the mean loss."""
        batch = batch.to(self._trainee.precision.device)
        with self.prefix.serving(batch) if self.prefix else nullcontext():
            loss = self._passage.loss(batch, self._criterion)
        (loss.objective * (self._scale / trained)).backward()  # type: ignore[no-untyped-call]
        return float(loss.cross_entropy) / trained

    def _clip(self) -> float:
        """Undo the loss scale, scale the gradient down to the limit, return its norm before."""
        parameters = list(self._trainee.parameters.values())
        if self._scale != 1.0:
            for parameter in parameters:
                if parameter.grad is not None:
                    parameter.grad /= self._scale
        limit = self._training.max_gradient_norm or float("inf")
        return float(torch.nn.utils.clip_grad_norm_(parameters, limit))

    def _update(self, rate: float) -> None:
        for group in self._trainee.optimizer.param_groups:
            group["lr"] = rate
        self._trainee.optimizer.step()
        self._trainee.optimizer.zero_grad()
