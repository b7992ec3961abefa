"""R10: a signal, or the window that closes, ends a run within 5 s with the step it had reached."""

import io
import json
import os
import random
import signal
import time
from collections.abc import Callable
from itertools import product

import pytest
from pytestqt.qtbot import QtBot

from app import main_window
from app.application import Application
from app.run_state import RunPhase
from core.events import CheckpointSaved
from core.run_folder import RunFolder
from core.training.checkpoint import CheckpointStore
from core.worker import serve
from tests.core.training.conftest import MakeRun
from tests.core.training.engine import of
from tests.proof.harness import Report, fork, linux_only, reap, short_and_full

pytestmark = linux_only

MOST_SECONDS = 5.0
SIGNALS = (signal.SIGTERM, signal.SIGINT)


def serve_one_job(run: RunFolder, output: int) -> None:
    """Be a worker that trains `run`, with its events going to the descriptor `output`."""
    request = {"command": "run", "job": "train", "request": {"run": str(run.path)}, "id": 1}
    with os.fdopen(output, "w") as events:
        serve(io.StringIO(json.dumps(request) + '\n{"command": "quit"}\n'), events)


def signalled(
    run: RunFolder, number: int, seconds: float, *, after: Callable[[str], object]
) -> tuple[float, str]:
    """Send a signal so long after the first line for which `after` is true.

    Return how long the end took, and what failed.
    """
    reading, writing = os.pipe()
    worker = fork(lambda: serve_one_job(run, writing))
    os.close(writing)
    with os.fdopen(reading) as events:
        next(line for line in events if after(line))
        time.sleep(seconds)
        sent = time.monotonic()
        os.kill(worker, number)
        lines = list(events)
    code, took = reap(worker), time.monotonic() - sent
    steps = [step for line in lines if (step := step_of(line))]
    return took, what_failed(run, steps, took) or (f"exit code {code}" if code else "")


def step_of(line: str) -> int:
    """The step that an event line announces as done, 0 for other events."""
    event = json.loads(line)
    return int(event["step"]) if event["event"] == "step" else 0


def what_failed(run: RunFolder, steps: list[int], took: float) -> str:
    found, _ = CheckpointStore(run.checkpoints_dir, keep=9).newest()
    state = run.state()
    if took > MOST_SECONDS:
        return f"it took {took:.1f} s"
    if state.phase != "stopped":
        return f"the run is {state.phase}"
    saved = found.step if found else 0
    if saved != state.step or (steps and saved != steps[-1]):
        return f"saved {saved} of {state.step}"
    return ""


def is_progress(line: str) -> bool:
    return bool(json.loads(line)["event"] == "progress")


PHASES: dict[str, Callable[[str], object]] = {"loading": is_progress, "training": step_of}
"""After which line the clock of a signal starts: the first of loading, the first step."""


@short_and_full("count", 1, 20)
def test_a_signal_saves_the_step_and_ends(make_run: MakeRun, report: Report, count: int) -> None:
    dice, failures, times = random.Random(0), [], []
    for number, sign, (phase, after) in product(range(count), SIGNALS, PHASES.items()):
        run = make_run(f"{sign.name}-{phase}-{number}", training__steps=100_000)
        took, failed = signalled(run, sign, dice.random(), after=after)
        times.append(took)
        failures += [f"{sign.name} {phase} {number}: {failed}"] if failed else []
    detail = (
        f"SIGTERM and SIGINT, from loading on and from the first step on; slowest end "
        f"{max(times):.1f} s, at most {MOST_SECONDS:g} s"
    )
    report.claim("R10", failures, len(times), detail)


@short_and_full("count", 1, 10)
def test_a_window_that_closes_saves_the_step(
    application: Application,
    make_run: MakeRun,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    report: Report,
    count: int,
) -> None:
    """All is saved in time; the proof of the adapter, which can be repeated, comes after that."""
    monkeypatch.setattr(main_window, "ask_about_live_run", lambda *_: "stop")
    monkeypatch.setattr(main_window.MainWindow, "_close_when_saved", lambda self: None)
    settings = make_run("settings", training__steps=100_000).settings
    controller, failures, times = application.run, [], []
    for number in range(count):
        controller.start(settings.with_changes({"name": f"closing-{number}"}))
        qtbot.waitUntil(lambda: len(controller.history.steps) > 3, timeout=120_000)
        closed = time.time()
        application.window.close()
        qtbot.waitUntil(lambda: controller.phase is RunPhase.STOPPED, timeout=60_000)
        saved = [event.seconds for event in of(CheckpointSaved, controller.events)]
        times.append(saved[-1] - closed)
        steps = [int(step) for step in controller.history.steps["step"]]
        assert controller.run is not None
        failed = what_failed(controller.run, steps, times[-1])
        failures += [f"window {number}: {failed}"] if failed else []
        controller.close_run()
    detail = f"the window closes, a real worker saves; slowest save {max(times):.1f} s"
    report.claim("R10-window", failures, count, detail)
