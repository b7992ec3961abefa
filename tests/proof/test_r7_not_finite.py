"""R7: a number that is none stops the run in its step, and what is saved is sound."""

import itertools
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from core.events import StepDone
from core.training.loss import Loss
from core.training.passage import Passage
from core.training.step import Stepper
from tests.core.training.conftest import MakeRun
from tests.core.training.engine import ended, ignored_warnings, of, run_all
from tests.core.training.test_not_finite import (
    in_activation,
    in_adapter_weight,
    in_frozen_weight,
    in_gradient,
    inject,
    saved_is_finite,
)
from tests.proof.harness import Report, short_and_full
from tests.proof.peer import make_job

pytestmark = pytest.mark.usefixtures("quick_proof")

STEPS = 12


def in_loss(stepper: Stepper) -> None:
    """Multiply all further losses by NaN, as a broken loss function would."""
    passage = stepper._passage

    class Broken(Passage):
        def loss(self, *arguments: Any) -> Loss:
            loss = super().loss(*arguments)
            return Loss(loss.objective * math.nan, loss.cross_entropy * math.nan)

    stepper._passage = Broken(**vars(passage))


PLACES = (in_loss, in_activation, in_frozen_weight, in_gradient, in_adapter_weight)
CASES = [
    (spoil, step, seed)
    for seed, step, spoil in itertools.product((7, 8, 9), (2, 10, STEPS), PLACES)
][:40]


@short_and_full("count", 5, len(CASES))
def test_the_run_stops_within_one_step(make_run: MakeRun, report: Report, count: int) -> None:
    failures = []
    for number, (spoil, step, seed) in enumerate(CASES[:count]):
        run = make_run(
            f"run-{number}",
            training__steps=STEPS,
            training__seed=seed,
            training__checkpoint_every=1,
            training__evaluate_every=100,
        )
        with pytest.MonkeyPatch.context() as patch:
            inject(patch, step, spoil)
            events = run_all(run)
        last = ended(events)
        done = len(of(StepDone, events))
        named = "Rows of this batch" in last.message or "lora_A" in last.message
        if not (last.outcome == "failed" and done == step - 1 and named and saved_is_finite(run)):
            failures.append(f"{spoil.__name__} at {step}: {last.outcome} after {done} steps")
    detail = "NaN in loss, activation, weights, gradient: stopped in the step, saved adapter finite"
    report.claim("R7", failures, count, detail)


@pytest.mark.slow
def test_control_the_trainer_of_transformers(tmp_path: Path, report: Report) -> None:
    """The same fault there: NaN from the fifth step on, default settings, 12 steps."""
    import transformers

    class Poisoned(transformers.Trainer):
        def compute_loss(self, *arguments: Any, **named: Any) -> Any:
            loss = super().compute_loss(*arguments, **named)
            return loss * math.nan if self.state.global_step >= 4 else loss

    with ignored_warnings(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.proof.peer.Trainer", Poisoned)
        original = transformers.TrainingArguments

        def few_steps(*arguments: Any, **named: Any) -> Any:
            return original(*arguments, **{**named, "max_steps": 12, "save_steps": 12})

        patch.setattr("tests.proof.peer.TrainingArguments", few_steps)
        make_job()(tmp_path, False)
    (saved,) = tmp_path.glob("checkpoint-12/adapter_model.safetensors")
    spoilt = [not bool(torch.isfinite(t).all()) for t in load_file(saved).values()]
    detail = f"went on to its last step; {sum(spoilt)} of {len(spoilt)} saved tensors not finite"
    report.note("R7-control", int(not any(spoilt)), 1, detail)
