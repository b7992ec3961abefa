"""torch.compile changes no number and says what it is worth."""

import shutil

import pytest
import torch

from core.events import Notice
from core.training import compiling
from core.training.compiling import Bargain
from tests.core.training.conftest import MakeRun
from tests.core.training.engine import ended, losses, of, one_thread, quick_proof, run_all

__all__ = ["one_thread", "quick_proof"]


def test_the_break_even_is_cost_over_gain() -> None:
    assert "pays after 200 of them" in str(Bargain(cost=40.0, before=1.0, after=0.8))
    assert "does not pay" in str(Bargain(cost=40.0, before=1.0, after=1.1))


@pytest.mark.slow  # the compiler takes half a minute
@pytest.mark.usefixtures("quick_proof")
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_a_compiled_run_has_the_losses_of_a_plain_one(make_run: MakeRun) -> None:
    changes = {"training__steps": 3, "training__warmup": 0}
    plain = losses(run_all(make_run("plain", **changes)))
    events = run_all(make_run("compiled", training__compile=True, **changes))
    torch.compiler.reset()
    assert losses(events) == pytest.approx(plain, abs=1e-5)
    (said,) = [notice.message for notice in of(Notice, events) if "Compiling" in notice.message]
    assert "pay" in said


@pytest.mark.usefixtures("quick_proof")
def test_without_a_compiler_the_run_goes_on_uncompiled(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_compiler(*_: object, **__: object) -> object:
        def broken(*_: object, **__: object) -> None:
            raise torch._dynamo.exc.InternalTorchDynamoError("no working C++ compiler found")

        return broken

    monkeypatch.setattr(compiling.torch, "compile", no_compiler)
    events = run_all(make_run(training__compile=True))
    assert ended(events).outcome == "finished"
    (warning,) = [notice for notice in of(Notice, events) if "torch.compile" in notice.message]
    assert "no working C++ compiler" in warning.message
