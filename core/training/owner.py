"""One process trains a run: a lock on a file, which the system gives back when the process dies.

The state of a run names its process too, for people and for windows; but reading it and writing it
are two steps, and between them another process can read the same. The lock has no such gap.
"""

import threading
from pathlib import Path

from filelock import FileLock, Timeout

from core.errors import UserError
from core.run_folder import RunFolder


class Locks:
    """The runs that belong to this process. A lock is the whole process's, not one thread's."""

    def __init__(self) -> None:
        self._held: dict[Path, FileLock] = {}
        self._guard = threading.Lock()

    def take(self, run: RunFolder) -> bool:
        """Make `run` belong to this process; return False where it did so already.

        Raises:
            UserError: It belongs to another process.
            OSError: The folder cannot be written.
        """
        path = run.lock_file.resolve()
        with self._guard:
            held = self._held.get(path)
            if held is not None and held.is_locked:  # a forked child inherits none
                return False
            lock = FileLock(path, thread_local=False)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                raise owned_elsewhere(run) from None
            self._held[path] = lock
            return True

    def give_back(self, run: RunFolder) -> None:
        """Let another process have `run`; harmless where it does not belong to this one."""
        with self._guard:
            lock = self._held.pop(run.lock_file.resolve(), None)
            if lock is not None:
                lock.release()


LOCKS = Locks()
"""One for the process, because that is whom the system gives locks to."""


def owned_elsewhere(run: RunFolder) -> UserError:
    """Return the refusal of a run that another process trains, which may not have said so yet."""
    state = run.state()
    owner = f"process {state.pid}" if state.phase == "running" else "another process"
    return UserError(f"This run is being trained by {owner}.", "Stop it there first.")
