"""The workers of the window: one spare stands warm, so that Start does not wait for imports."""

import itertools
from collections.abc import Sequence

from PySide6.QtCore import QObject

from app.training_thread import WORKER, FollowThread, WorkerThread
from core.run_folder import RunFolder


class WorkerPool(QObject):
    """Hands out running workers and keeps one warm in reserve; holds all threads until they end.

    Args:
        command: The command line of the workers.
    """

    def __init__(self, command: Sequence[str] = WORKER) -> None:
        super().__init__()
        self._command = command
        self._ids = itertools.count(1)
        self._spare: WorkerThread | None = None
        self._threads: list[WorkerThread | FollowThread] = []
        self._closed = False

    def warm_up(self) -> None:
        """Start the spare worker, unless it stands ready already or the window is closing."""
        if self._closed:
            return
        if self._spare is not None and self._spare.isFinished():
            self._spare = None
        if self._spare is None:
            self._spare = WorkerThread(self._ids, command=self._command)
            self._keep(self._spare)
            self._spare.start()

    def take(self) -> WorkerThread:
        """Return a worker of one's own; the caller lets it quit or kills it."""
        self.warm_up()
        worker, self._spare = self._spare, None
        assert worker is not None
        return worker

    def follow(self, run: RunFolder, offset: int) -> FollowThread:
        """Return a thread that follows `run`; the caller connects and starts it."""
        thread = FollowThread(run, offset)
        self._keep(thread)
        return thread

    def close(self, *, keep: WorkerThread | None = None) -> None:
        """End all workers but `keep` and those that were left: their runs go on by themselves."""
        self._closed = True
        for thread in self._threads:
            if thread is keep or thread.left or isinstance(thread, FollowThread):
                thread.leave()
            else:
                thread.kill()
        for thread in self._threads:
            thread.wait()
        self._threads.clear()
        self._spare = None

    def _keep(self, thread: WorkerThread | FollowThread) -> None:
        self._threads = [known for known in self._threads if not known.isFinished()]
        self._threads.append(thread)
