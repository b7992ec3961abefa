"""One optimizer step: forward and backward over the micro-batches, then one update."""

import math
from contextlib import nullcontext
from dataclasses import dataclass, replace

import torch

from core.errors import UserError
from core.training.ahead import Batch
from core.training.diagnose import first_bad_gradient, first_bad_module, first_bad_weight
from core.training.guards import Spoilt, Trouble
from core.training.loss import Criterion
from core.training.micro_batch import MicroBatch
from core.training.passage import Passage, evaluating
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
        training = trainee.settings.training
        self._criterion = Criterion(training.label_smoothing, training.z_loss)
        self._scale = trainee.precision.loss_scale
        self.prefix: PrefixCache | None = None

    def step(self, number: int, batch: Batch) -> StepResult:
        """Do step `number` over an effective batch.

        The summed loss of every micro-batch is divided by the trained tokens of the whole batch,
        so that neither accumulation nor packing changes anything but memory and speed.

        Raises:
            Halt: A stop or a pause was asked for; adapter and optimizer are as before.
            Mishap: A number is not finite; adapter and optimizer are as before.
            Spoilt: A trained weight is not finite.
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
            raise self._about_gradient(Trouble("gradient", norm, number, rows))
        self._clip(norm)
        rate = learning_rate(number, self._training)
        self._update(rate)
        self._require_sound(number)
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

    def _norm(self) -> float:
        """Undo the loss scale and return the norm of the whole gradient."""
        gradients = [p.grad for p in self._trainee.parameters.values() if p.grad is not None]
        if self._scale != 1.0:
            torch._foreach_div_(gradients, self._scale)
        return float(torch.nn.utils.get_total_norm(gradients))

    def _clip(self, norm: float) -> None:
        """Scale the gradient down to the limit."""
        limit = self._training.max_gradient_norm
        if limit:
            total = torch.tensor(norm, device=self._trainee.precision.device)
            torch.nn.utils.clip_grads_with_norm_(self._trainee.parameters.values(), limit, total)

    def _update(self, rate: float) -> None:
        for group in self._trainee.optimizer.param_groups:
            group["lr"] = rate * group["rate_factor"]
        self._trainee.optimizer.step()
        self._trainee.optimizer.zero_grad()

    def _require_sound(self, number: int) -> None:
        """Look at all trained weights.

        Raises:
            Spoilt: One is not finite.
        """
        weight = first_bad_weight(self._trainee.parameters.items())
        if weight:
            raise Spoilt(weight, number)

    def _about_loss(self, trouble: Trouble, batch: Batch, micro_batch: MicroBatch) -> UserError:
        """Compute the micro-batch again, row by row and module by module, to see what made it."""
        self._require_sound(trouble.step - 1)
        examples = {example.row: example for example in batch.rows}

        def loss_of(*rows: int) -> float:
            part = batch.layout.tensors([examples[row] for row in rows])
            with evaluating(self._trainee.model):
                loss = self._passage.loss(part.to(self._trainee.precision.device))
            return float(loss.cross_entropy)

        guilty = [row for row in micro_batch.rows if not math.isfinite(loss_of(row))]
        module = first_bad_module(self._trainee.model, lambda: loss_of(*micro_batch.rows))
        return replace(trouble, guilty=guilty, module=module).mishap()

    def _about_gradient(self, trouble: Trouble) -> UserError:
        module = first_bad_gradient(self._trainee.parameters)
        return replace(trouble, module=module).mishap()
