"""Jobs that have a worker of their own: it ends with them, however they end."""

from collections.abc import Callable

import pytest
from pytestqt.qtbot import QtBot

from app.assistant import Assistant, Task
from app.worker_pool import WorkerPool
from core.events import Event, RunEnded, StepDone

MakePool = Callable[[str], WorkerPool]


class Job:
    """A job of a fake worker: what it said, and whether its worker is gone."""

    def __init__(self, pool: WorkerPool) -> None:
        self.events: list[Event] = []
        self.gone = 0
        self.task: Task = Assistant(pool).alone("probe", {}, self.events.append, self._on_gone)

    def _on_gone(self) -> None:
        self.gone += 1

    @property
    def outcomes(self) -> list[str]:
        return [event.outcome for event in self.events if isinstance(event, RunEnded)]


@pytest.mark.parametrize(
    ("script", "outcome"), [("finish", "finished"), ("refuse", "failed"), ("die", "interrupted")]
)
def test_the_worker_ends_with_its_job(
    fake_pool: MakePool, qtbot: QtBot, script: str, outcome: str
) -> None:
    job = Job(fake_pool(script))
    qtbot.waitUntil(lambda: job.gone > 0, timeout=20_000)
    assert job.outcomes == [outcome]
    assert job.task.done
    assert job.gone == 1


def test_a_job_that_is_killed_is_heard_no_more(fake_pool: MakePool, qtbot: QtBot) -> None:
    job = Job(fake_pool("deaf"))
    qtbot.waitUntil(
        lambda: any(isinstance(event, StepDone) for event in job.events), timeout=20_000
    )
    job.task.kill()
    heard = len(job.events)
    qtbot.waitUntil(lambda: job.gone > 0, timeout=20_000)
    assert len(job.events) == heard
    assert job.outcomes == []
