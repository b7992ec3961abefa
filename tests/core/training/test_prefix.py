"""Kept activations spare the frozen blocks a second pass and change no loss."""

from collections.abc import Callable

import pytest
import torch

from core.events import Notice, RunStarted
from core.training import prefix
from core.training.blocks import blocks_of
from core.training.prefix import RowStates, frozen_blocks
from tests.core.training.conftest import MakeRun
from tests.core.training.engine import (
    asks,
    ended,
    losses,
    of,
    one_thread,
    quick_proof,
    run_all,
)
from tests.core.training.families import FAMILIES, build

__all__ = ["one_thread", "quick_proof"]

pytestmark = pytest.mark.usefixtures("quick_proof")

UPPER = {
    "adapter__targets": ("q_proj@1", "down_proj@1"),
    "training__steps": 24,  # of 4 rows: three epochs of about 32 rows
    "training__evaluate_every": 100,
    "training__checkpoint_every": 100,
}


@pytest.fixture
def forwards(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with every forward pass of the MLP of the lowest block in training."""
    from transformers.models.llama.modeling_llama import LlamaDecoderLayer

    calls: list[int] = []
    plain: Callable[..., torch.Tensor] = LlamaDecoderLayer.forward

    def counted(self: LlamaDecoderLayer, *args: object, **kwargs: object) -> torch.Tensor:
        if self.training and self.self_attn.layer_idx == 0:
            calls.append(1)
        return plain(self, *args, **kwargs)

    monkeypatch.setattr(LlamaDecoderLayer, "forward", counted)
    return calls


def test_from_the_second_epoch_on_the_lower_block_rests(
    make_run: MakeRun, forwards: list[int]
) -> None:
    def listen(event: object, _: object) -> None:
        if isinstance(event, RunStarted):
            forwards.clear()  # those of the trial

    plain = losses(run_all(make_run("plain", **UPPER), on_event=listen))
    assert len(forwards) == 24
    run = make_run("kept", training__keep_activations=True, **UPPER)
    events = run_all(run, on_event=listen)
    assert losses(events) == pytest.approx(plain, abs=1e-6)
    assert len(forwards) <= 10  # the first epoch, and the step that reaches into the second
    assert any("Keeping what the lowest 1 blocks" in n.message for n in of(Notice, events))
    assert not (run.path / prefix.FILE).exists()


def test_a_paused_run_makes_them_again(make_run: MakeRun) -> None:
    plain = losses(run_all(make_run("plain", **UPPER)))
    run = make_run("kept", training__keep_activations=True, **UPPER)
    first = run_all(run, on_event=asks("pause", 15))
    second = run_all(run, resume=True)
    assert losses(first) + losses(second) == pytest.approx(plain, abs=1e-6)
    assert "last digits" in run.state().inexact


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"adapter__targets": ("all-linear",)}, "the lowest block is adapted"),
        ({"training__packing": False}, "the rows are padded"),
        ({"training__steps": 4}, "no row is read twice"),
    ],
)
def test_where_nothing_can_be_spared_it_is_said(
    make_run: MakeRun, changes: dict[str, object], reason: str
) -> None:
    events = run_all(make_run(training__keep_activations=True, **{**UPPER, **changes}))
    assert ended(events).outcome == "finished"
    assert any(reason in notice.message for notice in of(Notice, events))


@pytest.mark.parametrize("method", ["write", "read"])
def test_a_disk_that_refuses_ends_the_cache_and_not_the_run(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    plain = losses(run_all(make_run("plain", **UPPER)))

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(RowStates, method, refuse)
    events = run_all(make_run("kept", training__keep_activations=True, **UPPER))
    assert ended(events).outcome == "finished"
    assert losses(events) == pytest.approx(plain, abs=1e-6)


def test_blocks_that_draw_random_numbers_are_not_kept() -> None:
    upper = {"target_modules": ["c_attn"], "layers_to_transform": [2]}
    still = build("gpt2", FAMILIES["gpt2"], **upper)
    assert frozen_blocks(still) == blocks_of(still)[:2]
    assert frozen_blocks(build("gpt2", {}, **upper)) == []  # its dropout is 0.1
