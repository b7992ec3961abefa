"""A request is heard in the middle of a micro-batch, on the way forward and on the way back."""

import itertools

import pytest
import torch

from core.training.blocks import blocks_of, listen_in_blocks
from core.training.loss import Loss
from core.training.requests import Halt
from tests.core.training.conftest import MakeRun
from tests.core.training.engine import (
    change_losses,
    ended,
    files_of,
    one_thread,
    quick_proof,
    run_all,
)
from tests.core.training.families import FAMILIES, VOCABULARY, build

__all__ = ["one_thread", "quick_proof"]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_block_is_asked_before_forward_and_backward(family: str) -> None:
    model = build(family, FAMILIES[family])
    assert len(blocks_of(model)) == 3
    calls: list[int] = []
    listen_in_blocks(model, lambda: calls.append(1))
    logits = model(input_ids=torch.arange(8)[None] % VOCABULARY, use_cache=False).logits
    assert len(calls) == 3
    logits.sum().backward()
    assert len(calls) == 6


@pytest.mark.parametrize("stop_at", [2, 5])
def test_whoever_asks_ends_the_micro_batch_there(stop_at: int) -> None:
    model, count = build("llama", {}), itertools.count(1)

    def check() -> None:
        if next(count) == stop_at:
            raise Halt("stopped")

    listen_in_blocks(model, check)
    with pytest.raises(Halt):
        model(input_ids=torch.arange(8)[None], use_cache=False).logits.sum().backward()
    assert next(count) == stop_at + 1


@pytest.mark.usefixtures("quick_proof")
def test_a_pause_on_the_way_back_loses_nothing(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, parts = make_run("whole"), make_run("parts")
    run_all(whole)

    def ask_between(call: int, loss: Loss) -> Loss:
        if call == 4:  # the forward pass of step 4 is over, its backward pass has not begun
            parts.ask("pause")
        return loss

    with monkeypatch.context() as patch:
        patch.setattr("core.training.requests._LOOK_SECONDS", 0.0)
        change_losses(patch, ask_between)
        first = run_all(parts)
    assert (ended(first).outcome, ended(first).step) == ("paused", 3)
    run_all(parts, resume=True)
    last = whole.state().last
    assert files_of(parts.checkpoints_dir / last) == files_of(whole.checkpoints_dir / last)
