"""Whatever ends a run, it goes on as if nothing had happened."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from core.errors import UserError
from core.events import CheckpointSaved, Evaluated, Event, Notice, StepDone
from core.history import History
from core.run_folder import RunFolder, started_at
from core.training.loss import Loss
from tests.core.training.conftest import MakeRun
from tests.core.training.engine import (
    ROOT,
    asks,
    change_losses,
    ended,
    files_of,
    losses,
    of,
    one_thread,
    quick_proof,
    run_all,
)

__all__ = ["one_thread", "quick_proof"]

pytestmark = pytest.mark.usefixtures("quick_proof")

CHANGES = {"adapter__dropout": 0.1, "training__accumulation": 2, "training__micro_batch": 3}


def last_checkpoint(run: RunFolder) -> dict[str, bytes]:
    return files_of(run.checkpoints_dir / run.state().last)


@pytest.mark.parametrize("step", [1, 3, 5])
def test_a_paused_run_resumes_bitwise(make_run: MakeRun, step: int) -> None:
    whole, parts = make_run("whole", **CHANGES), make_run("parts", **CHANGES)
    expected = losses(run_all(whole))
    first = run_all(parts, on_event=asks("pause", step))
    assert ended(first).outcome == "paused"
    assert parts.state().phase == "paused"
    assert not parts.adapter_dir.exists()
    second = run_all(parts, resume=True)
    assert losses(first) + losses(second) == expected
    assert last_checkpoint(parts) == last_checkpoint(whole)
    assert [e.loss for e in of(Evaluated, first + second)] == [
        e.loss for e in of(Evaluated, list(whole.events()))
    ]


def test_a_request_in_the_middle_of_accumulation_loses_no_row(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {**CHANGES, "training__packing": False}
    whole, parts = make_run("whole", **changes), make_run("parts", **changes)
    run_all(whole)

    def ask_after_first_half(call: int, loss: Loss) -> Loss:
        if call == 7:  # the first of two micro-batches of step 4
            parts.ask("pause")
        return loss

    with monkeypatch.context() as patch:
        change_losses(patch, ask_after_first_half)
        first = run_all(parts)
    assert ended(first).outcome == "paused"
    assert ended(first).step == 3
    run_all(parts, resume=True)
    assert last_checkpoint(parts) == last_checkpoint(whole)


def test_a_stopped_run_keeps_its_adapter_and_can_go_on(make_run: MakeRun) -> None:
    run = make_run()
    events = run_all(run, on_event=asks("stop", 3))
    assert ended(events).outcome == "stopped"
    assert sorted(path.name for path in run.adapter_dir.iterdir()) == [
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
        "chat_template.jinja",
    ]
    again = run_all(run, resume=True)
    assert ended(again).outcome == "finished"
    assert [e.step for e in of(StepDone, again)] == [4, 5, 6]


@pytest.mark.parametrize("phase", ["loading", "tokenising", "evaluating"])
def test_a_stop_is_obeyed_in_every_phase(make_run: MakeRun, phase: str) -> None:
    def listen(event: Event, control: object) -> None:
        if getattr(event, "phase", "") == phase:
            control.stop()  # type: ignore[attr-defined]

    run = make_run()
    events = run_all(run, on_event=listen)
    assert ended(events).outcome == "stopped"
    assert not losses(events)
    assert not run.adapter_dir.exists()


@pytest.mark.parametrize("optimizer", ["adamw", "adamw8bit", "lion", "adafactor", "sgd"])
@pytest.mark.parametrize("method", ["lora", "dora"])
def test_every_optimizer_resumes_bitwise(make_run: MakeRun, optimizer: str, method: str) -> None:
    """With LoRA+, whose groups do not have the order of the model; rank 64 makes 8-bit states."""
    changes = {
        "adapter__method": method,
        "adapter__rank": 64,
        "training__optimizer": optimizer,
        "training__lora_plus": 4.0,
        "training__weight_decay": 0.1,
    }
    whole, parts = make_run("whole", **changes), make_run("parts", **changes)
    expected = losses(run_all(whole))
    first = run_all(parts, on_event=asks("pause", 3))
    assert losses(first) + losses(run_all(parts, resume=True)) == expected
    assert last_checkpoint(parts) == last_checkpoint(whole)


def test_a_damaged_checkpoint_falls_back_to_the_one_before(make_run: MakeRun) -> None:
    whole, run = make_run("whole"), make_run()
    run_all(whole)
    run_all(run, on_event=asks("pause", 5))
    newest, before = run.checkpoints()[-1], run.checkpoints()[-2]
    weights = newest / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    events = run_all(run, resume=True)
    warnings = [n.message for n in of(Notice, events) if n.level == "warning"]
    assert "step-00000005: adapter_model.safetensors has the wrong size" in warnings[0]
    assert of(StepDone, events)[0].step == int(before.name[-1]) + 1
    assert last_checkpoint(run) == last_checkpoint(whole)


def test_without_any_checkpoint_a_resume_begins_anew(make_run: MakeRun) -> None:
    run = make_run()
    events = run_all(run, resume=True)
    assert [e.step for e in of(StepDone, events)] == [1, 2, 3, 4, 5, 6]


def test_only_the_newest_and_the_best_stay(make_run: MakeRun) -> None:
    run = make_run(training__checkpoint_every=1, training__steps=12, training__learning_rate=0.1)
    events = run_all(run)
    kept = {path.name for path in run.checkpoints()}
    assert kept == {"step-00000011", "step-00000012", run.state().best}
    assert len(of(CheckpointSaved, events)) == 12


def test_a_resume_does_not_change_when_the_run_began(make_run: MakeRun) -> None:
    run = make_run()
    run_all(run, on_event=asks("pause", 3))
    began = started_at(run)
    assert ended(run_all(run, resume=True)).outcome == "finished"
    assert started_at(run) == began


def test_another_base_model_is_refused(make_run: MakeRun, tiny_model: Path) -> None:
    from tests.conftest import build_tiny_model

    run = make_run()
    run_all(run, on_event=asks("pause", 3))
    other = tiny_model.parent / "other"
    build_tiny_model(other, seed=1)
    text = run.settings_file.read_text().replace(str(tiny_model), str(other))
    run.settings_file.write_text(text)
    assert "base model is not the one" in ended(run_all(run, resume=True)).message


@pytest.mark.parametrize("change", ["fewer", "other words"])
def test_other_rows_are_refused(make_run: MakeRun, change: str) -> None:
    run = make_run()
    run_all(run, on_event=asks("pause", 3))
    data = Path(run.settings.data.path)
    lines = data.read_text().splitlines(keepends=True)
    fewer = "".join(lines[:30])
    data.write_text(fewer if change == "fewer" else "".join(lines).replace("river", "stone"))
    last = ended(run_all(run, resume=True))
    assert last.outcome == "failed"
    assert "The data has changed" in last.message


def test_a_live_run_is_not_started_twice(make_run: MakeRun) -> None:
    run = make_run()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        started = psutil.Process(other.pid).create_time()
        run.update_state(phase="running", pid=other.pid, pid_started=started)
        last = ended(run_all(run, resume=True))
        assert last.outcome == "failed"
        assert str(other.pid) in last.message
        assert run.state().phase == "running", "the live run's own state must stay"
        other.communicate(b"\n")
    assert run.state().phase == "interrupted"
    assert ended(run_all(run, resume=True)).outcome == "finished"


def test_a_finished_run_is_not_trained_again(make_run: MakeRun) -> None:
    run = make_run(training__steps=1, training__warmup=0)
    run_all(run)
    last = ended(run_all(run, resume=True))
    assert "finished" in last.message
    assert run.state().phase == "finished"


def kill_and_resume(run: RunFolder, kills: int) -> int:
    """SIGKILL a worker `kills` times at random moments of training, then let one finish.

    Returns how many kills hit a worker before it was done.
    """
    dice, hits = random.Random(0), 0
    for attempt in range(kills + 1):
        with start_worker(run, resume=attempt > 0) as worker:
            names = (json.loads(line)["event"] for line in worker.stdout or ())
            if attempt < kills:
                next(name for name in names if name == "started")
                time.sleep(dice.random() * 1.5)
                hits += worker.poll() is None
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker.pid, signal.SIGKILL)
            else:
                assert list(names).count("ended") == 1
    return hits


def start_worker(run: RunFolder, *, resume: bool) -> "subprocess.Popen[str]":
    """A real worker that trains `run` and then quits."""
    worker = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "core.worker"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    request = {"run": str(run.path), "resume": resume}
    assert worker.stdin is not None
    worker.stdin.write(json.dumps({"command": "run", "job": "train", "request": request}))
    worker.stdin.write('\n{"command": "quit"}\n')
    worker.stdin.flush()
    return worker


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
@pytest.mark.parametrize("kills", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_killed_workers_lose_nothing(make_run: MakeRun, kills: int) -> None:
    changes = {
        **CHANGES,
        "training__steps": 60,
        "training__checkpoint_every": 1,
        "training__keep_checkpoints": 3,
    }
    whole, run = make_run("whole", **changes), make_run(**changes)
    run_all(whole)
    assert kill_and_resume(run, kills) >= 1
    state = run.state()
    assert state.step == 60, state
    assert last_checkpoint(run) == last_checkpoint(whole)
    assert History(run.events()).steps["loss"].tolist() == losses(list(whole.events()))
    assert not list(run.checkpoints_dir.glob(".*"))


def test_a_dead_worker_leaves_an_interrupted_run(make_run: MakeRun) -> None:
    run = make_run()
    run.update_state(phase="running", pid=2**22 + 1, pid_started=1.0, step=3)
    assert run.state().phase == "interrupted"


def test_errors_of_ours_are_recorded_and_raised(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object) -> Loss:
        raise KeyError("ours")

    change_losses(monkeypatch, break_down)
    run = make_run()
    with pytest.raises(KeyError):
        run_all(run)
    last = list(run.events())[-1]
    assert last.outcome == "failed"  # type: ignore[attr-defined]
    assert "KeyError" in last.details  # type: ignore[attr-defined]
    assert run.state().phase == "failed"


def test_user_errors_end_the_run_as_failed(make_run: MakeRun) -> None:
    run = make_run(data__path="nowhere.jsonl")
    last = ended(run_all(run))
    assert last.outcome == "failed"
    assert last.hint
    assert issubclass(UserError, Exception)
