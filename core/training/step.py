"""One optimizer step: forward and backward over the micro-batches, then one update."""

import math
from contextlib import nullcontext, suppress
from dataclasses import dataclass

import torch

from core.errors import UserError
from core.events import Notice
from core.training.ahead import Batch
from core.training.diagnose import Examiner, all_finite, first_bad_weight
from core.training.guards import (
    HalfChanged,
    OutOfMemory,
    Overflow,
    Spoilt,
    Trouble,
    out_of_memory_in_words,
)
from core.training.loss import Criterion
from core.training.micro_batch import MicroBatch
from core.training.passage import Passage
from core.training.prefix import PrefixCache
from core.training.requests import Halt, Requests
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
        scale: Factor on the loss that keeps small fp16 gradients from becoming zero.
        prefix: Spares the frozen lower blocks a second look at a row; None: they look each time.
    """

    def __init__(self, trainee: Trainee, passage: Passage, requests: Requests) -> None:
        self._trainee = trainee
        self._passage = passage
        self._requests = requests
        self._training = trainee.settings.training
        training = trainee.settings.training
        self._criterion = Criterion(training.label_smoothing, training.z_loss)
        self.scale = trainee.precision.loss_scale
        self.prefix: PrefixCache | None = None

    def step(self, number: int, batch: Batch) -> StepResult:
        """Do step `number` over an effective batch.

        The summed loss of every micro-batch is divided by the trained tokens of the whole batch,
        so that neither accumulation nor packing changes anything but memory and speed.

        Raises:
            Halt: A stop or a pause was asked for; adapter and optimizer are as before.
            Mishap: A number is not finite; adapter and optimizer are as before.
            Overflow: The gradient is not, under a loss scale; they are as before, too.
            Spoilt: A trained weight is not finite, or only some were changed.
        """
        seed_everything(self._training.seed, number)
        self._trainee.optimizer.zero_grad()  # a try that did not fit left a part of a gradient
        rows = [example.row for example in batch.rows]
        trained, loss = trained_tokens(batch.rows), 0.0
        for micro_batch in batch.micro_batches:
            self._requests.check()
            part = self._forward_backward(micro_batch, trained)
            loss += part
            if not math.isfinite(part):
                raise self._about_loss(Trouble("loss", part, number, rows), batch, micro_batch)
        norm = self._norm()
        if not math.isfinite(norm):
            if self.scale > 1.0:
                raise Overflow
            raise self._about_gradient(Trouble("gradient", norm, number, rows), batch)
        self._clip(norm)
        rate = learning_rate(number, self._training)
        self._update(number, rate)
        return StepResult(loss, norm, rate)

    def close(self) -> None:
        """Give back what lies on the disk."""
        if self.prefix is not None:
            self.prefix.close()

    def halve_scale(self) -> Notice:
        """Multiply the loss by half as much from here on, and say so."""
        self.scale /= 2
        message = f"A gradient overflowed in fp16; the loss scale is now {self.scale:g}."
        return Notice(level="info", message=message)

    def rehearse(self, batch: Batch) -> None:
        """Go forward and backward over one micro-batch, and leave everything as it was."""
        self._forward_backward(batch.micro_batches[0], trained_tokens(batch.rows))
        self._trainee.optimizer.zero_grad()

    def _forward_backward(self, batch: MicroBatch, trained: int) -> float:
        """Add the gradient of one micro-batch; return its share of the mean loss."""
        batch = batch.to(self._trainee.precision.device)
        with self.prefix.serving(batch) if self.prefix else nullcontext():
            loss = self._passage.loss(batch, self._criterion)
        (loss.objective * (self.scale / trained)).backward()  # type: ignore[no-untyped-call]
        return float(loss.cross_entropy) / trained

    def _norm(self) -> float:
        """Undo the loss scale and return the norm of the whole gradient."""
        gradients = [p.grad for p in self._trainee.parameters.values() if p.grad is not None]
        if self.scale != 1.0:
            torch._foreach_div_(gradients, self.scale)
        return float(torch.nn.utils.get_total_norm(gradients))

    def _clip(self, norm: float) -> None:
        """Scale the gradient down to the limit."""
        limit = self._training.max_gradient_norm
        if limit:
            total = torch.tensor(norm, device=self._trainee.precision.device)
            torch.nn.utils.clip_grads_with_norm_(self._trainee.parameters.values(), limit, total)

    def _update(self, number: int, rate: float) -> None:
        for group in self._trainee.optimizer.param_groups:
            group["lr"] = rate * group["rate_factor"]
        try:
            with out_of_memory_in_words():
                self._trainee.optimizer.step()
                self._trainee.optimizer.zero_grad()
                self._require_sound(number)
        except OutOfMemory as error:
            raise HalfChanged(number, error) from None

    def _require_sound(self, number: int) -> None:
        """Look at all trained weights.

        Raises:
            Spoilt: One is not finite.
        """
        parameters = self._trainee.parameters
        if all_finite([parameter.detach() for parameter in parameters.values()]):
            return
        weight = first_bad_weight(parameters.items())
        if weight:
            raise Spoilt(weight, number)

    def _about_loss(self, trouble: Trouble, batch: Batch, micro_batch: MicroBatch) -> UserError:
        """Look at the rows of the micro-batch again, to see which and which module made it."""
        self._require_sound(trouble.step - 1)
        rows = [row for row in batch.rows if row.row in micro_batch.rows]
        with suppress(Halt):  # whoever asks for a stop hears of the number all the same
            trouble = self._examiner(batch).about_loss(trouble, rows)
        return trouble.mishap()

    def _about_gradient(self, trouble: Trouble, batch: Batch) -> UserError:
        factor = self.scale / trained_tokens(batch.rows)
        with suppress(Halt):
            trouble = self._examiner(batch).about_gradient(trouble, batch.rows, factor)
        return trouble.mishap()

    def _examiner(self, batch: Batch) -> Examiner:
        parameters = self._trainee.parameters
        return Examiner(self._passage, batch.layout, parameters, self._criterion)
