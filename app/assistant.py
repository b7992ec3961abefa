"""Short jobs for the window: tokens of a row, a hub model's headers, an answer.

Each lane is one worker that does its jobs in order, so that a long answer does not hold up the
tokens of the next row.
"""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.training_thread import WorkerThread
from app.worker_pool import WorkerPool
from core.events import Event, RunEnded

OnEvent = Callable[[Event], None]


class Task(QObject):
    """One job that was asked for; its callback gets every event, `RunEnded` last.

    Signals:
        gone: The worker of a job that had one of its own has ended. GUI thread.
    """

    gone = Signal()

    def __init__(self, on_event: OnEvent, worker: WorkerThread, job_id: int) -> None:
        super().__init__()
        self._on_event: OnEvent | None = on_event
        self._worker, self._job_id = worker, job_id

    def cancel(self) -> None:
        """Ask the job to end and hear no more of it."""
        if self._on_event is not None:
            self._on_event = None
            self._worker.ask("stop", self._job_id)

    def kill(self) -> None:
        """End the worker at once and hear no more of it: for jobs that have one of their own."""
        self._on_event = None
        self._worker.kill()

    def stop(self) -> None:
        """Ask the job to end; what it still says is heard."""
        self._worker.ask("stop", self._job_id)

    @property
    def done(self) -> bool:
        """Whether the last event has been delivered, or nobody waits for it any more."""
        return self._on_event is None

    def on_arrived(self, job_id: int, event: Event) -> None:
        """Take an event of the worker, if it is of this job."""
        if job_id == self._job_id:
            self.deliver(event)

    def deliver(self, event: Event) -> None:
        """Hand one event to the callback."""
        callback = self._on_event
        if isinstance(event, RunEnded):
            self._on_event = None
        if callback is not None:
            callback(event)


class Lane(QObject):
    """A worker of its own, started at the first request and again if it was lost."""

    def __init__(self, pool: WorkerPool) -> None:
        super().__init__()
        self._pool = pool
        self._worker: WorkerThread | None = None
        self._tasks: dict[int, Task] = {}

    def ask(self, job: str, request: dict[str, Any], on_event: OnEvent) -> Task:
        """Queue a job; `on_event` is called in the GUI thread."""
        if self._worker is None:
            self._worker = self._pool.take()
            self._worker.event_arrived.connect(self._on_event)
            self._worker.finished.connect(self._on_finished)
        job_id = self._worker.submit(job, request)
        task = self._tasks[job_id] = Task(on_event, self._worker, job_id)
        return task

    def release(self) -> None:
        """Let the worker go, with all the memory that it holds."""
        if self._worker is not None:
            self._worker.quit_after_job()
            self._worker = None

    def _on_event(self, job_id: int, event: Event) -> None:
        task = self._tasks.get(job_id)
        if task is None:
            return
        if isinstance(event, RunEnded):
            del self._tasks[job_id]
        task.deliver(event)

    def _on_finished(self) -> None:
        if self._worker is not None and self._worker.isFinished():
            self._worker = None


class Assistant(QObject):
    """The lanes of the window: `data` reads and tokenises, `chat` answers, `evidence` measures."""

    def __init__(self, pool: WorkerPool) -> None:
        super().__init__()
        self._pool = pool
        self.data = Lane(pool)
        self.chat = Lane(pool)
        self.evidence = Lane(pool)

    def alone(
        self, job: str, request: dict[str, Any], on_event: OnEvent, on_gone: Callable[[], None]
    ) -> Task:
        """Have a job done by a worker that did nothing before and ends with it.

        `on_gone` is called in the GUI thread when the worker has given its memory back.
        """
        worker = self._pool.take()
        task = Task(on_event, worker, worker.submit(job, request))
        worker.event_arrived.connect(task.on_arrived)
        worker.finished.connect(task.gone)
        task.gone.connect(on_gone)
        task.gone.connect(self._pool.warm_up)
        worker.quit_after_job()
        return task
