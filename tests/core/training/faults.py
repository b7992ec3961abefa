"""Numbers that are none, put into a run at a step of one's choice."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

from core.training import loop
from core.training.ahead import Batch
from core.training.loss import Loss
from core.training.micro_batch import MicroBatch
from core.training.passage import Passage
from core.training.step import Stepper, StepResult
from core.training.trainee import Trainee

ADAPTED = "model.layers.1.mlp.up_proj"
NORM = "model.layers.1.post_attention_layernorm"
_PEFT = "base_model.model."
NAN = math.nan


@dataclass
class Fault:
    """One kind of fault, there from `step` on, for one row where that makes sense.

    Attributes:
        kind: "loss", "activation", "gradient", "gradient of a row", "weight", "update" or
            "frozen weight".
        row: The row that is hit; chosen at `step`, so that it is in the batch.
    """

    kind: str
    step: int
    value: float = NAN
    row: int = -1
    now: int = field(default=0, init=False)
    batch: MicroBatch | None = field(default=None, init=False)

    @property
    def there(self) -> bool:
        return self.now >= self.step

    def place(self) -> tuple[int, int] | None:
        """Sequence and position of the row's third token in the tensors at work, if it is there."""
        if not self.there or self.batch is None or self.row not in self.batch.rows:
            return None
        index = self.batch.rows.index(self.row)
        return (0, sum(self.batch.lengths[:index]) + 2) if self.batch.mask is None else (index, 2)

    def break_tensor(self, tensor: torch.Tensor) -> torch.Tensor:
        place = self.place()
        if place is None:
            return tensor
        broken = tensor.clone()
        broken[(*place, 0)] = self.value
        return broken


@contextmanager
def broken(patch: pytest.MonkeyPatch, fault: Fault) -> Iterator[None]:
    """Let runs inside this block meet the fault."""
    with patch.context() as inside:
        _follow(inside, fault)
        build = loop.build_trainee

        def build_broken(*arguments: Any) -> Trainee:
            trainee = build(*arguments)
            _PLANT[fault.kind](trainee, fault, inside)
            return trainee

        inside.setattr(loop, "build_trainee", build_broken)
        yield


def _follow(patch: pytest.MonkeyPatch, fault: Fault) -> None:
    """Keep the fault informed of the step and the micro-batch at work."""
    plain_loss, plain_step = Passage.loss, Stepper.step

    def loss(passage: Passage, batch: MicroBatch, *others: Any) -> Loss:
        fault.batch = batch
        result = plain_loss(passage, batch, *others)
        if fault.kind == "loss" and fault.place():
            return Loss(result.objective * fault.value, result.cross_entropy * fault.value)
        return result

    def step(stepper: Stepper, number: int, batch: Batch) -> StepResult:
        fault.now = number
        if number == fault.step and fault.row < 0:
            fault.row = batch.rows[-1].row
        if number == fault.step and fault.kind in ("weight", "frozen weight"):
            weights = dict(stepper._trainee.model.named_parameters())
            name = ".lora_B.default.weight" if fault.kind == "weight" else ".base_layer.weight"
            weights[_PEFT + ADAPTED + name].data[1, 1] = fault.value
        return plain_step(stepper, number, batch)

    patch.setattr(Passage, "loss", loss)
    patch.setattr(Stepper, "step", step)


def _activation(trainee: Trainee, fault: Fault, _: pytest.MonkeyPatch) -> None:
    module = trainee.model.get_submodule(_PEFT + ADAPTED)
    module.register_forward_hook(lambda _m, _i, output: fault.break_tensor(output))


def _gradient(trainee: Trainee, fault: Fault, _: pytest.MonkeyPatch) -> None:
    def spoil(gradient: torch.Tensor) -> torch.Tensor:
        spoilt = gradient.clone()
        spoilt[1, 1] = fault.value if fault.there else gradient[1, 1]
        return spoilt

    weight = trainee.parameters[f"{_PEFT}{ADAPTED}.lora_B.default.weight"]
    weight.register_hook(spoil)  # type: ignore[no-untyped-call]


def _gradient_of_row(trainee: Trainee, fault: Fault, _: pytest.MonkeyPatch) -> None:
    def listen(_module: Any, _inputs: Any, output: torch.Tensor) -> None:
        if output.requires_grad:
            output.register_hook(fault.break_tensor)  # type: ignore[no-untyped-call]

    trainee.model.get_submodule(_PEFT + NORM).register_forward_hook(listen)


def _update(trainee: Trainee, fault: Fault, patch: pytest.MonkeyPatch) -> None:
    plain = trainee.optimizer.step

    def step(*arguments: Any) -> None:
        plain(*arguments)
        if fault.there:
            trainee.parameters[f"{_PEFT}{ADAPTED}.lora_A.default.weight"].data[1, 1] = fault.value

    patch.setattr(trainee.optimizer, "step", step)


def _nothing(*_: Any) -> None:
    """Planted where steps and losses are followed."""


_PLANT: dict[str, Callable[[Trainee, Fault, pytest.MonkeyPatch], None]] = {
    "loss": _nothing,
    "weight": _nothing,
    "frozen weight": _nothing,
    "activation": _activation,
    "gradient": _gradient,
    "gradient of a row": _gradient_of_row,
    "update": _update,
}
KINDS = tuple(_PLANT)
