"""Checkpoints are written while training goes on, and hold the moment at which they were begun."""

import threading
import time
from collections.abc import Callable

import pytest

from core.events import CheckpointSaved, Evaluated, StepDone
from core.training import snapshot
from core.training.checkpoint import Checkpoint, CheckpointStore
from tests.core.training.conftest import MakeRun
from tests.core.training.engine import ended, files_of, of, one_thread, quick_proof, run_all

__all__ = ["one_thread", "quick_proof"]

pytestmark = pytest.mark.usefixtures("quick_proof")


def hold_saves(patch: pytest.MonkeyPatch, until: threading.Event) -> None:
    """Let the disk be slow: no save goes on before `until`."""
    save: Callable[..., Checkpoint] = CheckpointStore.save

    def slow(*arguments: object) -> Checkpoint:
        assert until.wait(30)
        return save(*arguments)

    patch.setattr(CheckpointStore, "save", slow)


def test_steps_go_on_while_a_checkpoint_is_written(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what is written is the state of its own step, not that of the steps since."""
    changes = {"training__checkpoint_every": 3, "training__evaluate_every": 6}
    plain, run = make_run("plain", **changes), make_run("slow", **changes)
    run_all(plain)
    go_on = threading.Event()
    hold_saves(monkeypatch, go_on)

    def listen(event: object, _: object) -> None:
        if isinstance(event, StepDone) and event.step == 5:
            go_on.set()

    events = run_all(run, on_event=listen)
    assert ended(events).outcome == "finished"
    saved = next(i for i, e in enumerate(events) if isinstance(e, CheckpointSaved))
    assert any(isinstance(e, StepDone) and e.step == 5 for e in events[:saved])
    name = "step-00000003"
    assert files_of(run.checkpoints_dir / name) == files_of(plain.checkpoints_dir / name)


def test_a_slow_disk_holds_the_next_checkpoint_up_and_loses_none(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One save is under way at most: the third step waits for the first one's."""
    save: Callable[..., Checkpoint] = CheckpointStore.save
    at_once, most = [0], [0]

    def slow(*arguments: object) -> Checkpoint:
        at_once[0] += 1
        most[0] = max(most[0], at_once[0])
        time.sleep(0.1)
        at_once[0] -= 1
        return save(*arguments)

    monkeypatch.setattr(CheckpointStore, "save", slow)
    run = make_run(training__checkpoint_every=1, training__evaluate_every=6)
    events = run_all(run)
    assert [event.step for event in of(CheckpointSaved, events)] == [1, 2, 3, 4, 5, 6]
    assert [event.step for event in of(Evaluated, events)] == [0, 6]
    assert most == [1]


def test_without_room_in_memory_training_waits_and_nothing_is_copied(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {"training__checkpoint_every": 1, "training__evaluate_every": 6}
    plain, run = make_run("plain", **changes), make_run("tight", **changes)
    run_all(plain)
    copies: list[object] = []
    monkeypatch.setattr("core.training.keeper._ROOM", 10**12)
    monkeypatch.setattr(
        "core.training.keeper.files_of",
        lambda *args, copied: copies.append(copied) or snapshot.files_of(*args, copied=copied),
    )
    events = run_all(run)
    kinds = [type(event) for event in events if isinstance(event, StepDone | CheckpointSaved)]
    assert kinds == [StepDone, CheckpointSaved] * 6
    assert set(copies) == {False}
    for path in run.checkpoints():
        assert files_of(path) == files_of(plain.checkpoints_dir / path.name)


@pytest.mark.parametrize("where", ["copy", "write"])
def test_a_save_without_memory_pauses_the_run(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def exhausted(*_: object, **__: object) -> None:
        raise MemoryError

    target = "files_of" if where == "copy" else "CheckpointStore.save"
    run = make_run(training__evaluate_every=6)
    with monkeypatch.context() as patch:
        patch.setattr(f"core.training.keeper.{target}", exhausted)
        events = run_all(run)
    assert ended(events).outcome == "paused"
    assert "too little memory" in ended(events).message
    assert ended(run_all(run, resume=True)).outcome == "finished"


def test_what_is_saved_is_announced_even_if_the_old_ones_cannot_go(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(CheckpointStore, "prune", refuse)
    events = run_all(make_run(training__checkpoint_every=2))
    assert [event.step for event in of(CheckpointSaved, events)] == [2, 4, 6]
    assert ended(events).outcome == "finished"
