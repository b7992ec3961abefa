"""One tracker on a thread of its own, behind a queue.

A step only leaves its numbers in the queue: it waits for no disk and no network. The first
exception, a queue that is full, or an end that takes too long switches the tracker off with one
notice. The thread is a daemon: a call that never returns keeps no process alive.
"""

import logging
import queue
import threading
import uuid
from typing import Any

from core.errors import UserError
from core.events import Notice
from core.run_folder import RunFolder
from core.trackers import TRACKERS, TrackedRun, is_installed

logger = logging.getLogger(__name__)

QUEUE_LIMIT = 10_000
"""Measurements that wait for one tracker, some megabytes at most."""
ERROR_LENGTH = 200

Numbers = dict[str, float]


class TrackerThread:
    """One tracker at work, until it is closed or something goes wrong."""

    def __init__(
        self,
        name: str,
        run: RunFolder,
        first_step: int,
        *,
        config: dict[str, Any],
        importing: threading.Lock,
    ) -> None:
        self._name, self._run, self._first_step = name, run, first_step
        self._config, self._importing = config, importing
        self._queue: queue.Queue[tuple[int, Numbers] | None] = queue.Queue(QUEUE_LIMIT)
        self._trouble: Notice | None = None
        self._off = False
        self._thread = threading.Thread(target=self._work, name=f"tracker {name}", daemon=True)
        self._thread.start()

    def take(self, step: int, numbers: Numbers) -> None:
        """Leave numbers for the tracker; never waits."""
        self._put((step, numbers))

    def close(self) -> None:
        """Ask the tracker to end after what it has got so far; never waits."""
        self._put(None)

    def wait(self, seconds: float, *, of: float) -> None:
        """Wait for the end of the tracker, and give it up after that; `of` is what is told."""
        if self._trouble is None:
            self._thread.join(seconds)
        if self._thread.is_alive():
            self._give_up(f"it did not end within {of:g} s, so some of its numbers may be missing")

    def trouble(self) -> Notice | None:
        """Return what went wrong, once; nothing reaches the tracker from then on."""
        if self._off or self._trouble is None:
            return None
        self._off = True
        return self._trouble

    def _put(self, item: tuple[int, Numbers] | None) -> None:
        if self._off:
            return
        try:
            self._queue.put_nowait(item)
        except queue.Full:
            self._give_up(f"it is {QUEUE_LIMIT:,} measurements behind")

    def _give_up(self, reason: str, hint: str = "") -> None:
        title = TRACKERS[self._name].title
        self._trouble = self._trouble or Notice(
            level="warning",
            message=f"{title} was switched off: {reason}.",
            hint=hint or "The run and its own curves are not touched.",
        )

    def _work(self) -> None:
        try:
            tracker = self._start()
            while self._trouble is None and (item := self._queue.get()) is not None:
                step, numbers = item
                tracker.log(numbers, step=step)
            tracker.finish()
        except UserError as error:
            self._give_up(error.message.rstrip("."), error.hint)
        except BaseException as error:  # also a SystemExit, of which a thread says nothing
            logger.warning("the tracker %s failed", self._name, exc_info=error)
            words = (str(error).strip() or type(error).__name__).splitlines()[0]
            self._give_up(words[:ERROR_LENGTH].rstrip("."))

    def _start(self) -> Any:
        """Return accelerate's tracker, which has heard of the settings."""
        kind = TRACKERS[self._name]
        if not is_installed(self._name):
            raise UserError("it is not installed", f"To have it: pip install {kind.package}")
        with self._importing:  # two threads that import at the same time see half a module
            from accelerate import PartialState, tracking  # noqa: F401

            PartialState()  # without it accelerate's log raises
        folder = self._run.path / "trackers" / self._name
        folder.mkdir(parents=True, exist_ok=True)
        marker = folder / "tracked-as.txt"
        begun = marker.exists()
        run_id = marker.read_text("utf-8") if begun else uuid.uuid4().hex
        tracker = kind.start(
            TrackedRun(
                name=self._run.path.name,
                id=run_id,
                folder=folder,
                first_step=self._first_step,
            )
        )
        if not begun:
            tracker.store_init_configuration(self._config)
            marker.write_text(run_id, "utf-8")
        return tracker
