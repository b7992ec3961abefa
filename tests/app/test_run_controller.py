"""The run that the window shows, with a worker that follows a script."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from pytestqt.qtbot import QtBot

from app.preferences import Preferences
from app.run_controller import RunController
from app.run_state import RunPhase
from app.training_thread import WorkerThread
from app.worker_pool import WorkerPool
from core.events import RunEnded, StepDone
from core.run_folder import RunFolder
from core.settings import RunSettings

Pool = Callable[[str], WorkerPool]


@pytest.fixture
def controller(fake_pool: Pool) -> Iterator[Callable[[str], RunController]]:
    made = []

    def make(script: str) -> RunController:
        run = RunController(fake_pool(script), Preferences())
        run.set_ready(True, "")
        made.append(run)
        return run

    yield make
    for run in made:
        run.leave()


def steps(run: RunController) -> list[int]:
    return [int(step) for step in run.history.steps["step"]]


@pytest.mark.parametrize(
    ("script", "phase"),
    [
        ("finish", RunPhase.FINISHED),
        ("die", RunPhase.INTERRUPTED),
        ("refuse", RunPhase.FAILED),
        ("nonsense", RunPhase.FINISHED),
    ],
)
def test_a_run_ends_once(
    qtbot: QtBot, controller: Callable[[str], RunController], script: str, phase: RunPhase
) -> None:
    run = controller(script)
    run.start(RunSettings())
    assert run.alive
    qtbot.waitUntil(lambda: not run.alive, timeout=10_000)
    qtbot.wait(50)
    assert run.phase is phase
    assert len([event for event in run.events if isinstance(event, RunEnded)]) == 1


@pytest.mark.parametrize("agreed", [True, False])
def test_the_worker_is_told_of_the_consent(
    qtbot: QtBot, fake_pool: Pool, monkeypatch: pytest.MonkeyPatch, agreed: bool
) -> None:
    asked = []
    submit = WorkerThread.submit

    def listening(self: WorkerThread, job: str, request: dict[str, object]) -> int:
        asked.append(request["keep_awake"])
        return submit(self, job, request)

    monkeypatch.setattr(WorkerThread, "submit", listening)
    preferences = Preferences()
    preferences.keep_awake = agreed
    run = RunController(fake_pool("finish"), preferences)
    run.set_ready(True, "")
    run.start(RunSettings())
    qtbot.waitUntil(lambda: not run.alive, timeout=10_000)
    run.leave()
    assert asked == [agreed]


def test_pause_and_stop(qtbot: QtBot, controller: Callable[[str], RunController]) -> None:
    for act, phase in (("pause", RunPhase.PAUSED), ("stop", RunPhase.STOPPED)):
        run = controller("steps")
        run.start(RunSettings())
        qtbot.waitUntil(lambda run=run: len(run.history.steps) > 2, timeout=10_000)
        getattr(run, act)()
        qtbot.waitUntil(lambda run=run: not run.alive, timeout=10_000)
        assert run.phase is phase
        assert run.resumable


def test_stop_now_ends_a_deaf_worker(
    qtbot: QtBot, controller: Callable[[str], RunController]
) -> None:
    run = controller("deaf")
    run._killer.setInterval(100)
    run.start(RunSettings())
    qtbot.waitUntil(lambda: run.phase is RunPhase.RUNNING, timeout=10_000)
    run.stop_now()
    qtbot.waitUntil(lambda: not run.alive, timeout=10_000)
    assert run.phase is RunPhase.INTERRUPTED
    assert run.detail.startswith("Stopped at once, as you asked")
    ended = run.events[-1]
    assert isinstance(ended, RunEnded)
    assert ended.hint == "There was no checkpoint yet. Resume to begin again."


def test_a_second_window_sees_every_step_once(
    qtbot: QtBot, controller: Callable[[str], RunController], home: Path
) -> None:
    first, second = controller("steps"), controller("steps")
    first.start(RunSettings())
    qtbot.waitUntil(lambda: len(first.history.steps) > 3, timeout=10_000)
    second.reattach()
    assert second.phase is RunPhase.RUNNING
    qtbot.waitUntil(lambda: len(second.history.steps) > 10, timeout=10_000)
    first.stop()
    qtbot.waitUntil(lambda: not second.alive and not first.alive, timeout=10_000)
    assert second.phase is RunPhase.STOPPED
    heard = [event.step for event in second.events if isinstance(event, StepDone)]
    assert heard == list(range(1, len(heard) + 1))
    assert steps(second) == steps(first) == heard


def test_a_follower_can_stop_by_the_run_folder_and_sees_a_kill(
    qtbot: QtBot, controller: Callable[[str], RunController]
) -> None:
    first, second = controller("steps"), controller("steps")
    first.start(RunSettings())
    qtbot.waitUntil(lambda: len(first.history.steps) > 3, timeout=10_000)
    second.reattach()
    second.stop()
    assert second.run is not None
    assert "stop" in second.run.control_file.read_text()
    assert first.own_worker is not None
    psutil.Process(first.own_worker.pid).kill()
    qtbot.waitUntil(lambda: not second.alive, timeout=10_000)
    assert second.phase is RunPhase.INTERRUPTED


def test_leaving_a_run_leaves_its_worker_at_work(
    qtbot: QtBot, fake_pool: Pool, controller: Callable[[str], RunController]
) -> None:
    pool = fake_pool("steps")
    run = RunController(pool, Preferences())
    run.start(RunSettings())
    qtbot.waitUntil(lambda: len(run.history.steps) > 2, timeout=10_000)
    worker, folder = run.own_worker, run.run
    assert worker is not None
    assert folder is not None
    run.leave()
    pool.close(keep=worker)
    process = psutil.Process(worker.pid)
    before = folder.events_file.stat().st_size
    qtbot.waitUntil(lambda: folder.events_file.stat().st_size > before, timeout=5000)
    again = controller("steps")
    again.reattach()
    assert again.phase is RunPhase.RUNNING
    process.kill()
    qtbot.waitUntil(lambda: not again.alive, timeout=5000)


def test_a_run_that_was_left_outlives_the_window(
    qtbot: QtBot, fake_pool: Pool, controller: Callable[[str], RunController], home: Path
) -> None:
    pool = fake_pool("steps")
    run = RunController(pool, Preferences())
    run.start(RunSettings())
    qtbot.waitUntil(lambda: len(run.history.steps) > 2, timeout=10_000)
    worker = run.own_worker
    assert worker is not None
    other = RunFolder.create(home / "runs" / "other", RunSettings())
    run.open(other.path)
    pool.close()
    process = psutil.Process(worker.pid)
    assert process.status() != psutil.STATUS_ZOMBIE
    process.kill()
    psutil.wait_procs([process], timeout=5)


def test_stop_now_never_meets_another_run(
    qtbot: QtBot, controller: Callable[[str], RunController]
) -> None:
    first, second = controller("deaf"), controller("steps")
    second.start(RunSettings().with_changes({"name": "second"}))
    first.start(RunSettings().with_changes({"name": "first"}))
    qtbot.waitUntil(lambda: len(second.history.steps) > 2, timeout=10_000)
    qtbot.waitUntil(lambda: first.phase is RunPhase.RUNNING, timeout=10_000)
    first._killer.setInterval(100)
    doomed = first.run
    first.stop_now()
    assert second.run is not None
    first.open(second.run.path)
    assert doomed is not None
    qtbot.waitUntil(lambda: doomed.state().phase == "interrupted", timeout=5000)
    qtbot.wait(300)
    assert first.phase is second.phase is RunPhase.RUNNING
    second.stop()
    qtbot.waitUntil(lambda: not second.alive and not first.alive, timeout=10_000)


def test_half_a_line_waits_for_its_end(qtbot: QtBot, home: Path) -> None:
    from app.training_thread import FollowThread, read_events

    run = RunFolder.create(home / "runs" / "half", RunSettings())
    line = '{"event": "notice", "level": "info", "message": "whole"}\n'
    run.events_file.write_text(line + line[:20])
    events, offset = read_events(run)
    assert len(events) == 1
    follower = FollowThread(run, offset)
    assert follower._new_events() == []
    with run.events_file.open("a") as file:
        file.write(line[20:])
    assert [event.name for event in follower._new_events()] == ["notice"]
    assert follower._new_events() == []


def test_a_folder_that_is_no_run_is_refused(
    qtbot: QtBot, controller: Callable[[str], RunController], tmp_path: Path
) -> None:
    run = controller("finish")
    with qtbot.waitSignal(run.refused) as refused:
        run.open(tmp_path)
    assert "run.toml" in refused.args[0].message
    assert run.run is None
