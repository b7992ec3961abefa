"""Exactly one outcome per job, however the worker ends."""

from collections.abc import Callable

import psutil
import pytest
from pytestqt.qtbot import QtBot

from app.training_thread import WorkerThread
from app.worker_pool import WorkerPool
from core.events import Event, RunEnded, StepDone

Pool = Callable[[str], WorkerPool]


def listen(worker: WorkerThread) -> list[tuple[int, Event]]:
    heard: list[tuple[int, Event]] = []
    worker.event_arrived.connect(lambda job, event: heard.append((job, event)))
    return heard


def endings(heard: list[tuple[int, Event]]) -> list[RunEnded]:
    return [event for _, event in heard if isinstance(event, RunEnded)]


def run_to_end(qtbot: QtBot, worker: WorkerThread) -> list[tuple[int, Event]]:
    heard = listen(worker)
    worker.submit("train", {})
    worker.quit_after_job()
    with qtbot.waitSignal(worker.finished, timeout=10_000):
        pass
    qtbot.waitUntil(lambda: bool(endings(heard)), timeout=2000)
    qtbot.wait(20)
    return heard


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ("finish", "finished"),
        ("nonsense", "finished"),
        ("die", "interrupted"),
        ("refuse", "failed"),
        ("twice", "finished"),
    ],
)
def test_one_outcome(qtbot: QtBot, fake_pool: Pool, script: str, outcome: str) -> None:
    heard = run_to_end(qtbot, fake_pool(script).take())
    assert [ended.outcome for ended in endings(heard)] == [outcome]
    assert isinstance(heard[-1][1], RunEnded)


def test_malformed_lines_cost_no_step(qtbot: QtBot, fake_pool: Pool) -> None:
    heard = run_to_end(qtbot, fake_pool("nonsense").take())
    assert [event.step for _, event in heard if isinstance(event, StepDone)] == [1, 2, 3]


def test_a_stop_is_obeyed(qtbot: QtBot, fake_pool: Pool) -> None:
    worker = fake_pool("steps").take()
    heard = listen(worker)
    job = worker.submit("train", {})
    qtbot.waitUntil(lambda: len(heard) > 3, timeout=5000)
    worker.ask("stop", job)
    qtbot.waitUntil(lambda: bool(endings(heard)), timeout=5000)
    assert [ended.outcome for ended in endings(heard)] == ["stopped"]


def test_sigkill_is_one_interruption_with_a_hint(qtbot: QtBot, fake_pool: Pool) -> None:
    worker = fake_pool("steps").take()
    heard = listen(worker)
    worker.submit("train", {})
    qtbot.waitUntil(lambda: len(heard) > 3, timeout=5000)
    psutil.Process(worker.pid).kill()
    qtbot.waitUntil(lambda: bool(endings(heard)), timeout=5000)
    qtbot.wait(50)
    (ended,) = endings(heard)
    assert ended.outcome == "interrupted"
    assert "checkpoint" in ended.hint


def test_a_job_for_a_worker_that_is_gone_ends_too(qtbot: QtBot, fake_pool: Pool) -> None:
    worker = fake_pool("gone").take()
    heard = listen(worker)
    qtbot.waitUntil(worker.isFinished, timeout=5000)
    worker.submit("train", {})
    qtbot.waitUntil(lambda: bool(endings(heard)), timeout=5000)
    assert [ended.outcome for ended in endings(heard)] == ["interrupted"]


def test_a_dead_spare_is_replaced(qtbot: QtBot, fake_pool: Pool) -> None:
    pool = fake_pool("finish")
    pool.warm_up()
    spare = pool._spare
    assert spare is not None
    spare.kill()
    qtbot.waitUntil(spare.isFinished, timeout=5000)
    worker = pool.take()
    assert worker is not spare
    assert [e.outcome for e in endings(run_to_end(qtbot, worker))] == ["finished"]


def test_jobs_of_all_workers_have_different_ids(fake_pool: Pool) -> None:
    pool = fake_pool("finish")
    ids = [pool.take().submit("train", {}) for _ in range(3)]
    assert len(set(ids)) == 3
