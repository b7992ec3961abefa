"""A number that is none stops the run within its step and is traced to row and module."""

import re
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from core.events import StepDone
from core.run_folder import RunFolder
from core.training.step import Stepper
from tests.core.training.conftest import MakeRun
from tests.core.training.engine import asks, ended, of, one_thread, quick_proof, run_all

__all__ = ["one_thread", "quick_proof"]

pytestmark = pytest.mark.usefixtures("quick_proof")

LAYER = "model.layers.0.mlp.down_proj"


def inject(patch: pytest.MonkeyPatch, step: int, spoil: Any) -> None:
    """Call `spoil` with the stepper before that step."""
    plain = Stepper.step

    def spoilt(self: Stepper, number: int, batch: Any) -> Any:
        if number == step:
            spoil(self)
        return plain(self, number, batch)

    patch.setattr(Stepper, "step", spoilt)


def layer_of(stepper: Stepper) -> Any:
    return stepper._trainee.model.get_base_model().get_submodule(LAYER)


def in_activation(stepper: Stepper) -> None:
    def make_nan(_: object, __: object, output: torch.Tensor) -> torch.Tensor:
        return output.index_fill(1, torch.tensor([0]), float("nan"))

    layer_of(stepper).register_forward_hook(make_nan)


def in_frozen_weight(stepper: Stepper) -> None:
    layer_of(stepper).get_base_layer().weight.data[0, 0] = float("inf")


def in_adapter_weight(stepper: Stepper) -> None:
    layer_of(stepper).lora_A["default"].weight.data[0, 0] = float("nan")


def in_gradient(stepper: Stepper) -> None:
    weight = layer_of(stepper).lora_B["default"].weight
    weight.register_hook(lambda gradient: gradient.index_fill(0, torch.tensor([0]), float("nan")))


def in_moment(stepper: Stepper) -> None:
    optimizer = stepper._trainee.optimizer
    weight = layer_of(stepper).lora_A["default"].weight
    optimizer.state[weight]["exp_avg"][0, 0] = float("nan")


def saved_is_finite(run: RunFolder) -> bool:
    newest = run.checkpoints()[-1] / "adapter_model.safetensors"
    return all(bool(tensor.isfinite().all()) for tensor in load_file(newest).values())


@pytest.mark.parametrize("step", [2, 6])
@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (in_activation, "loss"),
        (in_frozen_weight, "loss"),
        (in_gradient, "gradient"),
    ],
)
def test_the_step_is_not_done_and_the_module_is_named(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, spoil: Any, what: str, step: int
) -> None:
    inject(monkeypatch, step, spoil)
    run = make_run(training__checkpoint_every=1)
    events = run_all(run)
    last = ended(events)
    assert last.outcome == "failed"
    assert f"{what} of step {step} is" in last.message
    assert LAYER in last.message
    assert len(of(StepDone, events)) == step - 1
    assert run.state().last == f"step-{step - 1:08d}"
    assert saved_is_finite(run)


@pytest.mark.parametrize(("spoil", "after"), [(in_adapter_weight, 3), (in_moment, 4)])
def test_a_spoilt_adapter_is_never_saved(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, spoil: Any, after: int
) -> None:
    """A weight that is bad is found in the step; one that becomes bad, right after the update."""
    inject(monkeypatch, 4, spoil)
    run = make_run()
    events = run_all(run)
    last = ended(events)
    assert last.outcome == "failed"
    assert f"{LAYER}.lora_A is not finite after step {after}" in last.message
    assert "not saved" in last.message
    assert run.state().last == "step-00000003"
    assert saved_is_finite(run)


def test_the_rows_are_named_that_alone_give_it(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The embedding of a token overflows: the rows that hold it are guilty, the others not."""
    guilty: set[int] = set()

    def overflow(stepper: Stepper) -> None:
        rows = stepper._trainee.train
        holders = {t: {row.row for row in rows if t in row.ids} for row in rows for t in row.ids}
        token = min(holders, key=lambda t: abs(len(holders[t]) - len(rows) // 2))
        guilty.update(holders[token])

        def burst(_: object, ids: tuple[torch.Tensor], output: torch.Tensor) -> torch.Tensor:
            return output.masked_fill((ids[0] == token)[..., None], float("inf"))

        stepper._trainee.model.get_input_embeddings().register_forward_hook(burst)

    inject(monkeypatch, 1, overflow)
    last = ended(run_all(make_run(training__micro_batch=6)))
    assert last.outcome == "failed"
    assert "embed_tokens" in last.message
    batch, named = (
        {int(number) for number in re.findall(r"\d+", last.message.split(words)[1].split(".")[0])}
        for words in ("Rows of this batch: ", "Alone it comes from row ")
    )
    assert named == batch & guilty
    assert named < batch


def test_an_overflow_of_fp16_halves_the_loss_scale(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GPUs without bf16 compute in fp16: what overflows under one scale fits under half of it."""
    norm = Stepper._norm
    scales: list[float] = []

    def narrow(self: Stepper) -> float:
        scales.append(self.scale)
        return float("inf") if self.scale > 256 else norm(self)

    monkeypatch.setattr(Stepper, "_norm", narrow)
    changes = {"model__dtype": "fp16", "training__steps": 4, "training__checkpoint_every": 2}
    run = make_run(**changes)
    events = run_all(run, on_event=asks("pause", 2))
    assert scales == [1024.0, 512.0, 256.0, 256.0]
    assert [event.step for event in of(StepDone, events)] == [1, 2]
    run_all(run, resume=True)
    assert scales[4:] == [256.0, 256.0], "a resume keeps it"
