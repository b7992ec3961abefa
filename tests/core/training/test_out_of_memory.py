"""What does not fit is tried with less, at the same effective batch, step and loss."""

import itertools
import random
import weakref
from typing import Any

import pytest
import torch

from core.events import Notice, StepDone
from core.training.guards import OutOfMemory, out_of_memory_in_words
from core.training.loss import Loss
from core.training.micro_batch import Layout
from core.training.room import Room
from tests.core.training.conftest import MakeRun
from tests.core.training.engine import (
    asks,
    change_losses,
    ended,
    losses,
    of,
    one_thread,
    quick_proof,
    run_all,
)
from tests.core.training.test_packing import ROWS

__all__ = ["one_thread", "quick_proof"]

pytestmark = pytest.mark.usefixtures("quick_proof")

FACES = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    MemoryError(),
]


MORE_FACES = [
    RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be reported later"),
    RuntimeError("CUDA driver error: out of memory"),
    RuntimeError("HIP out of memory. Tried to allocate 20.00 MiB"),
    RuntimeError("MPS backend out of memory (MPS allocated: 9.06 GB, max allowed: 9.07 GB)"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: not enough memory"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("std::bad_alloc"),
]
"""How others say it: drivers, ROCm, Metal, Windows, libraries; told by their words alone."""


@pytest.mark.parametrize("error", [*FACES, *MORE_FACES], ids=str)
def test_it_has_many_faces(error: Exception) -> None:
    with pytest.raises(OutOfMemory), out_of_memory_in_words():
        raise error


def test_other_errors_pass_through() -> None:
    with pytest.raises(RuntimeError, match="illegal memory access"), out_of_memory_in_words():
        raise RuntimeError("CUDA error: an illegal memory access was encountered")


def test_an_adapter_that_was_changed_in_parts_is_not_saved(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Doing the step again would change some weights twice."""
    plain, steps = torch.optim.AdamW.step, itertools.count(1)

    def half_done(self: torch.optim.AdamW, *arguments: object) -> object:
        result = plain(self, *arguments)
        if next(steps) == 4:
            raise FACES[0]
        return result

    run = make_run()
    with monkeypatch.context() as patch:
        patch.setattr(torch.optim.AdamW, "step", half_done)
        events = run_all(run)
    assert ended(events).outcome == "failed"
    assert "while step 4 changed the adapter" in ended(events).message
    assert run.state().last == "step-00000003"
    rest = run_all(run, resume=True)
    whole = losses(run_all(make_run("whole")))
    assert losses(rest) == whole[3:]


def exhaust(patch: pytest.MonkeyPatch, calls: set[int], error: Exception) -> None:
    def exhausted(call: int, loss: Loss) -> Loss:
        if call in calls:
            raise error
        return loss

    change_losses(patch, exhausted)


@pytest.mark.parametrize("packing", [True, False])
@pytest.mark.parametrize("error", FACES, ids=["cuda", "cpu", "cublas", "python"])
def test_a_micro_batch_that_does_not_fit_is_halved(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, error: Exception, packing: bool
) -> None:
    changes = {"training__packing": packing, "training__micro_batch": 8}
    plain = losses(run_all(make_run("plain", **changes)))
    with monkeypatch.context() as patch:
        exhaust(patch, {3}, error)
        events = run_all(make_run("tight", **changes))
    assert ended(events).outcome == "finished"
    assert losses(events) == pytest.approx(plain, abs=1e-6)
    assert [event.step for event in of(StepDone, events)] == [1, 2, 3, 4, 5, 6]
    (notice,) = [n for n in of(Notice, events) if "out of memory" in n.message]
    assert "halved from 8 to 4 rows" in notice.message
    assert "GiB" in notice.message


def test_it_stays_halved_and_a_resume_keeps_it(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bitwise: the sums of a smaller micro-batch round otherwise, so it belongs to the state."""
    changes = {"training__micro_batch": 8, "training__packing": False}
    runs = []
    for name, pause in (("whole", 99), ("parts", 4)):
        with monkeypatch.context() as patch:
            exhaust(patch, {2}, MemoryError())
            run = make_run(name, **changes)
            events = run_all(run, on_event=asks("pause", pause))
        runs.append(losses(events) + (losses(run_all(run, resume=True)) if pause < 99 else []))
    assert runs[0] == runs[1]


def test_a_single_row_that_does_not_fit_ends_the_run(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    exhaust(monkeypatch, set(range(3, 100)), MemoryError())
    run = make_run()
    events = run_all(run)
    assert ended(events).outcome == "failed"
    assert "out of memory" in ended(events).message
    assert "4-bit" in ended(events).hint
    assert run.state().last == "step-00000002"


def test_at_random_moments_no_step_is_lost(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {"training__micro_batch": 16, "training__steps": 8}
    plain = losses(run_all(make_run("plain", **changes)))
    dice = random.Random(0)
    for trial in range(5):
        with monkeypatch.context() as patch:
            exhaust(patch, {dice.randint(1, 8), dice.randint(1, 12)}, dice.choice(FACES))
            events = run_all(make_run(f"run-{trial}", **changes))
        assert losses(events) == pytest.approx(plain, abs=1e-6)


def test_halving_goes_on_until_there_is_less_at_once() -> None:
    roomy = Layout(8, 24, 0)  # six tokens in all: half the budget would change nothing
    shrunk = roomy.shrunk(ROWS)
    assert shrunk is not None
    assert shrunk.largest(ROWS) < 6
    assert Layout(1, 3, 0).shrunk(ROWS) is None


@pytest.mark.parametrize("packing", [True, False])
def test_what_did_not_fit_is_let_go_before_the_next_try(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, packing: bool
) -> None:
    """The error remembers its frames, and these the activations: a retry beside them is no use."""
    graphs: list[weakref.ref[torch.Tensor]] = []
    alive: list[bool] = []
    shrink = Room.shrink

    def exhausted(call: int, loss: Loss) -> Loss:
        if call == 3:
            graphs.append(weakref.ref(loss.objective))
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return loss

    def looking(self: Room, *arguments: Any) -> Notice:
        notice = shrink(self, *arguments)
        alive.extend(graph() is not None for graph in graphs)
        return notice

    monkeypatch.setattr(Room, "shrink", looking)
    change_losses(monkeypatch, exhausted)
    run = make_run(training__packing=packing, training__micro_batch=8)
    assert ended(run_all(run)).outcome == "finished"
    assert alive == [False]


def test_memory_that_runs_out_on_the_way_back_is_met_as_well(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {"training__micro_batch": 8}
    plain = losses(run_all(make_run("plain", **changes)))

    def fail_backward(call: int, loss: Loss) -> Loss:
        if call == 3:
            loss.objective.register_hook(burst)
        return loss

    def burst(_: torch.Tensor) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    change_losses(monkeypatch, fail_backward)
    assert losses(run_all(make_run("tight", **changes))) == pytest.approx(plain, abs=1e-6)
