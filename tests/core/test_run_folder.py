"""The run folder is the truth about a run."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from core.errors import UserError
from core.events import RunEnded, StepDone
from core.run_folder import RunFolder, is_alive, list_runs, new_run_path, own_process
from core.settings import RunSettings

STEP = StepDone(
    step=1, loss=2.0, learning_rate=1e-4, gradient_norm=1.0, trained_tokens=3, tokens=9,
    tokens_per_second=10.0, memory_bytes=1,
)  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "run", RunSettings())


def test_new_run(run: RunFolder) -> None:
    assert run.settings == RunSettings()
    assert run.state().phase == "created"
    assert list(run.events()) == []


def test_an_existing_folder_is_not_overwritten(run: RunFolder) -> None:
    with pytest.raises(UserError, match="exists already"):
        RunFolder.create(run.path, RunSettings())


def test_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left"):
        RunFolder.create(tmp_path / "run", RunSettings())


def test_a_dead_worker_means_interrupted(run: RunFolder) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = psutil.Process(child.pid).create_time()
    run.update_state(phase="running", pid=child.pid, pid_started=started)
    assert run.state().phase == "running"
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it is a zombie now
    assert run.state().phase == "interrupted"
    child.communicate()
    assert run.state().phase == "interrupted"


def test_a_reused_pid_is_not_the_worker(run: RunFolder) -> None:
    run.update_state(phase="running", pid=os.getpid(), pid_started=12345.0)
    assert run.state().phase == "interrupted"
    run.update_state(phase="running", **own_process())
    assert run.state().phase == "running"
    with pytest.raises(UserError, match="still going on"):
        run.delete()


def test_events_come_back_and_a_cut_line_is_skipped(run: RunFolder) -> None:
    run.append_event(STEP, seq=1)
    with run.events_file.open("a") as file:
        file.write('{"event": "step", "st')
    assert list(run.events()) == [STEP]


def test_a_damaged_state_file_does_not_hide_the_run(run: RunFolder) -> None:
    run.state_file.write_text("{")
    assert run.state().phase == "created"


def test_names_never_collide(tmp_path: Path) -> None:
    first = new_run_path(tmp_path, "my run")
    assert first.name == "my-run"
    RunFolder.create(first, RunSettings())
    assert new_run_path(tmp_path, "my run").name == "my-run-2"
    assert [run.path for run in list_runs(tmp_path)] == [first]


def test_pid_zero_is_nobody() -> None:
    assert not is_alive(0, 0.0)


def test_lost_worker_gives_a_hint() -> None:
    ended = RunEnded.lost(-9, "last words")
    assert ended.outcome == "interrupted"
    assert "-9" in ended.message
    assert ended.details == "last words"
