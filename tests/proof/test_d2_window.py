"""D2: a window that is killed takes no run with it, and the next window finds every step."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pytestqt.qtbot import QtBot

from app.preferences import Preferences
from app.run_controller import RunController
from app.run_state import RunPhase
from app.worker_pool import WorkerPool
from core.run_folder import RunFolder, list_runs
from tests.proof.harness import ROOT, Report, linux_only, short_and_full

pytestmark = linux_only

WINDOW = """
import sys
from app.application import Application, build
from core.settings import RunSettings
Application.begin = lambda self: None
application = build(["rankscope"])
application.pool._command = [sys.executable, "-m", "tests.proof.dying_worker"]
application.window.show()
for line in sys.stdin:
    application.run.start(RunSettings().with_changes({"name": line.strip()}))
    while not application.run.history.steps:
        application.qapp.processEvents()
    print("training", flush=True)
    application.qapp.exec()
"""


def kill_a_window(home: Path, number: int, seconds: float) -> RunFolder:
    """Let a window train, kill it so long after the first step, and return its run."""
    process = subprocess.Popen(
        [sys.executable, "-c", WINDOW],
        cwd=ROOT,
        env={**os.environ, "RANKSCOPE_HOME": str(home)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"killed-{number}\n")
    process.stdin.flush()
    assert process.stdout.readline() == "training\n"
    time.sleep(seconds)
    process.kill()
    process.communicate()
    (run,) = list_runs(home / "runs")
    return run


@pytest.fixture
def controller(qtbot: QtBot, no_leaks: None) -> Iterator[RunController]:
    """The run as a window that opens sees it."""
    pool = WorkerPool()
    controller = RunController(pool, Preferences())
    yield controller
    controller.leave()
    pool.close()


def reattach(controller: RunController, run: RunFolder, qtbot: QtBot) -> str:
    """Open the run again, hear some more steps, stop it; return what failed."""
    size = len(list(run.events()))
    controller.reattach()
    if controller.phase is not RunPhase.RUNNING:
        return f"the run is {controller.phase.value}"
    steps = controller.history.steps
    qtbot.waitUntil(lambda: len(steps) > size + 10, timeout=20_000)
    seen = steps["step"].tolist()
    psutil.Process(run.state().pid).kill()
    qtbot.waitUntil(lambda: controller.phase is RunPhase.INTERRUPTED, timeout=10_000)
    controller.close_run()
    return "" if seen == list(range(1, len(seen) + 1)) else f"the steps are {seen}"


@short_and_full("count", 1, 100)
def test_a_run_outlives_its_window(
    controller: RunController,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    report: Report,
    count: int,
) -> None:
    dice, failures = random.Random(0), []
    for number in range(count):
        home = tmp_path / f"home-{number}"
        monkeypatch.setenv("RANKSCOPE_HOME", str(home))
        run = kill_a_window(home, number, dice.random() * 0.5)
        failed = reattach(controller, run, qtbot)
        failures += [f"window {number}: {failed}"] if failed else []
    detail = "the worker goes on; the next window shows every step once"
    report.claim("D2", failures, count, detail)
