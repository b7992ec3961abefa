"""D1: however the worker dies, the window lives, paints, and offers the newest checkpoint."""

import os
import random
import signal
import time

from pytestqt.qtbot import QtBot

from app.application import Application
from app.run_state import RunPhase
from core.events import CheckpointSaved
from core.settings import RunSettings
from core.training.checkpoint import CheckpointStore
from tests.core.training.engine import of
from tests.proof.harness import Report, linux_only, short_and_full

pytestmark = linux_only

MOST_SECONDS = 0.1  # until the next picture
DEATHS = ("kill", "segv", "segfault", "exit", "memory")


def die_once(application: Application, qtbot: QtBot, how: str, seconds: float) -> tuple[float, str]:
    """Let a worker die in its run; return how long the next picture took, and what failed."""
    run = application.run
    run.start(RunSettings().with_changes({"name": how}))
    if how in ("kill", "segv"):
        qtbot.waitUntil(lambda: run.phase is RunPhase.RUNNING, timeout=30_000)
        qtbot.wait(round(1000 * seconds))
        assert run.own_worker is not None
        os.kill(run.own_worker.pid, signal.SIGKILL if how == "kill" else signal.SIGSEGV)
    qtbot.waitUntil(lambda: run.phase is RunPhase.INTERRUPTED, timeout=30_000)
    started = time.perf_counter()
    application.window.repaint()
    took = time.perf_counter() - started
    return took, what_failed(application, took)


def what_failed(application: Application, took: float) -> str:
    run = application.run
    assert run.run is not None
    saved = max((event.step for event in of(CheckpointSaved, list(run.run.events()))), default=0)
    found, _ = CheckpointStore(run.run.checkpoints_dir, keep=2).newest()
    if (found.step if found else 0) < saved:
        return f"step {saved} was saved and is gone"
    if not application.window.isVisible() or not run.resumable:
        return "the window does not offer to go on"
    return f"the next picture took {1000 * took:.0f} ms" if took > MOST_SECONDS else ""


@short_and_full("count", 5, 200)
def test_the_window_survives_every_death(
    window: Application, qtbot: QtBot, report: Report, count: int
) -> None:
    dice, failures, times = random.Random(0), [], []
    for number in range(count):
        how = DEATHS[number % len(DEATHS)]
        took, failed = die_once(window, qtbot, how, dice.random() * 0.5)
        times.append(took)
        failures += [f"{how} {number}: {failed}"] if failed else []
        window.run.close_run()
    detail = f"{', '.join(DEATHS)} in turns; slowest next picture {1000 * max(times):.0f} ms"
    report.claim("D1", failures, count, detail)
