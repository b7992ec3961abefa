"""Closing the window with a live run."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from pytestqt.qtbot import QtBot

from app import main_window
from app.application import Application
from app.run_state import RunPhase
from core.run_folder import list_runs

ROOT = Path(__file__).parents[2]
FAKE_WORKER = Path(__file__).parent / "fake_worker.py"
START_AND_CLOSE = """
import sys, time
from app.application import build
from app.worker_pool import WorkerPool
from core.settings import RunSettings
application = build(["rankscope"])
application.pool._command = [sys.executable, sys.argv[1], "steps"]
application.run.start(RunSettings())
end = time.time() + 20
while len(application.run.history.steps) < 3 and time.time() < end:
    application.qapp.processEvents()
application.close(keep_training=True)
print(application.run.run.path)
"""


def test_a_run_outlives_the_process_of_the_window(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", START_AND_CLOSE, str(FAKE_WORKER)],
        cwd=ROOT,
        env={**os.environ, "RANKSCOPE_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    (run,) = list_runs(home / "runs")
    state = run.state()
    assert state.phase == "running"
    worker = psutil.Process(state.pid)
    size = run.events_file.stat().st_size
    for _ in range(100):
        if run.events_file.stat().st_size > size:
            break
        psutil.wait_procs([worker], timeout=0.05)
    assert run.events_file.stat().st_size > size
    worker.kill()
    worker.wait(5)
    assert run.state().phase == "interrupted"


@pytest.fixture
def training(
    application: Application, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> Application:
    monkeypatch.setattr(application.pool, "_command", [sys.executable, str(FAKE_WORKER), "steps"])
    application.run.start(application.session.settings)
    qtbot.waitUntil(lambda: application.run.phase is RunPhase.RUNNING, timeout=10_000)
    return application


def answer(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setattr(main_window, "ask_about_live_run", lambda *_: word)


def test_cancel_keeps_the_window(training: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, "cancel")
    assert not training.window.close()
    assert training.run.alive


def test_stop_saves_first_and_closes_then(
    training: Application, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, "stop")
    left: list[bool] = []
    training.window.left.connect(left.append)
    training.window.show()
    assert not training.window.close()
    qtbot.waitUntil(lambda: bool(left), timeout=10_000)
    assert training.run.phase is RunPhase.STOPPED
    assert left == [False]


def test_keep_leaves_the_worker_alone(
    training: Application, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, "keep")
    worker = training.run.own_worker
    assert worker is not None
    process = psutil.Process(worker.pid)
    training.window.close()
    qtbot.wait(100)
    assert process.is_running()
    assert process.status() != psutil.STATUS_ZOMBIE
    process.kill()


def test_the_draft_of_a_window_that_comes_back_is_that_of_the_live_run(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = application.session.settings.with_changes({"adapter.rank": 8, "training.steps": 30})
    monkeypatch.setattr(application.session, "start", lambda: None)
    monkeypatch.setattr(application.launch, "check", lambda: None)
    monkeypatch.setattr(application.pool, "warm_up", lambda: None)
    monkeypatch.setattr(
        application.run, "reattach", lambda: setattr(application.run, "settings", live)
    )
    application.begin()
    assert application.session.settings == live
