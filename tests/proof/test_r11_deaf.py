"""R11: a worker that does not listen keeps no window waiting, and spoils no run that is saved."""

import time

import psutil
from pytestqt.qtbot import QtBot

from app.application import Application
from app.run_controller import KILL_AFTER_MS
from app.run_state import RunPhase
from core.settings import RunSettings
from tests.proof.harness import Report, linux_only, short_and_full

pytestmark = linux_only

MOST_SECONDS = KILL_AFTER_MS / 1000 + 5
END = {"deaf": RunPhase.INTERRUPTED, "hang": RunPhase.STOPPED}
"""How a run ends whose worker ignores a stop, and one whose worker saves and never leaves."""


def stop_once(application: Application, qtbot: QtBot, how: str) -> tuple[float, str]:
    """Stop a run at once; return how long that took and what failed."""
    run = application.run
    run.start(RunSettings().with_changes({"name": how}))
    qtbot.waitUntil(lambda: len(run.history.steps) > 5, timeout=30_000)
    worker, asked = run.own_worker, time.monotonic()
    assert worker is not None
    process = psutil.Process(worker.pid)
    run.stop_now()
    qtbot.waitUntil(lambda: not run.alive, timeout=60_000)
    took = time.monotonic() - asked
    qtbot.wait(100)
    assert run.run is not None
    ends = (run.phase, RunPhase(run.state.phase))
    if process.is_running() and how == "hang":
        worker.kill()
        qtbot.waitUntil(worker.isFinished, timeout=5000)
        ends = (run.phase, RunPhase(run.state.phase))
    if took > MOST_SECONDS:
        return took, f"it took {took:.1f} s"
    return took, "" if ends == (END[how], END[how]) else f"it ended as {ends}"


@short_and_full("count", 2, 20)
def test_the_window_does_not_wait_for_a_deaf_worker(
    window: Application, qtbot: QtBot, report: Report, count: int
) -> None:
    failures, times = [], []
    for number in range(count):
        how = list(END)[number % 2]
        took, failed = stop_once(window, qtbot, how)
        times.append(took)
        failures += [f"{how} {number}: {failed}"] if failed else []
        window.run.close_run()
    detail = f"a stop that is ignored, and a hang after the save; slowest end {max(times):.1f} s"
    report.claim("R11", failures, count, detail)
