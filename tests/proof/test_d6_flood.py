"""D6: a worker that floods the window neither freezes it nor fills its memory."""

import sys
import time

import pytest
from PySide6.QtCore import Qt, QTimer
from pytestqt.qtbot import QtBot

from app.application import Application
from app.training_thread import MOST_LINES
from core.settings import RunSettings
from tests.proof.flooding_worker import PER_SECOND
from tests.proof.harness import Report, linux_only, short_and_full

pytestmark = linux_only

TICK_MS = 10
MOST_LATE_MS = 50.0


class Ticks:
    """Measures how late the window's event loop comes round."""

    def __init__(self, parent: Application) -> None:
        self.late: list[float] = []
        self._timer = QTimer(parent.window, interval=TICK_MS, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._last = time.perf_counter()
        self._timer.start()

    def _tick(self) -> None:
        now = time.perf_counter()
        self.late.append(max(0.0, 1000 * (now - self._last) - TICK_MS))
        self._last = now

    def stop(self) -> float:
        """Return the lateness in ms that 99 of 100 turns stay below."""
        self._timer.stop()
        return sorted(self.late)[int(0.99 * len(self.late))]


@short_and_full("seconds", 3, 60)
def test_the_window_stays_quick_in_a_flood(
    window: Application,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    report: Report,
    seconds: int,
) -> None:
    command = [sys.executable, "-m", "tests.proof.flooding_worker", str(seconds)]
    monkeypatch.setattr(window.pool, "_command", command)
    window.window.go("Train")
    run = window.run
    run.start(RunSettings())
    worker = run.own_worker
    assert worker is not None
    qtbot.waitUntil(lambda: len(run.history.steps) > 0, timeout=20_000)
    ticks, longest, end = Ticks(window), 0, time.monotonic() + seconds
    while time.monotonic() < end:
        qtbot.wait(20)
        longest = max(longest, worker._process._lines.qsize())
    late, shown = ticks.stop(), len(run.history.steps)
    run.stop_now()
    worker.kill()
    qtbot.waitUntil(lambda: not run.alive, timeout=20_000)
    failures = []
    if late > MOST_LATE_MS:
        failures.append(f"the event loop comes {late:.0f} ms late")
    if longest > MOST_LINES:
        failures.append(f"{longest} lines wait")
    detail = (
        f"{PER_SECOND} events a second offered for {seconds} s, {shown} steps shown; event loop "
        f"late by {late:.0f} ms (p99), {longest} lines waiting at most"
    )
    report.claim("D6", failures, 2, detail)
