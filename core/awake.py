"""Keeps the machine from going to sleep by itself; where that cannot be done, it says so.

wakepy asks the system: SetThreadExecutionState on Windows, caffeinate on macOS, the session's
power manager over D-Bus on Linux. The screen may still turn off, and whoever closes the lid still
sends the machine to sleep.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from core.events import Notice

logger = logging.getLogger(__name__)

Inhibitor = Callable[[], AbstractContextManager[str]]
"""Keeps the machine awake inside its context; gives the name of the method, "" if none works."""

ANSWER_SECONDS = 3.0
"""How long the system may take to answer; a bus that hangs must not hold up a run."""


@contextmanager
def system_inhibitor() -> Iterator[str]:
    """Ask this system to stay awake."""
    from wakepy import keep

    with keep.running(on_fail="pass") as mode:
        yield str(mode.method.name) if mode.active and mode.method else ""


@contextmanager
def kept_awake(inhibitor: Inhibitor = system_inhibitor) -> Iterator[Notice]:
    """Keep the machine awake inside this context, as far as it can be done; never raises.

    Yields:
        What came of it, for the log of the run.
    """
    holder = _Holder(inhibitor)
    try:
        yield holder.notice()
    finally:
        holder.release()


class _Holder:
    """Holds the inhibitor on a thread of its own: Windows ties it to a thread, D-Bus may hang."""

    def __init__(self, inhibitor: Inhibitor) -> None:
        self._inhibitor = inhibitor
        self._method, self._reason = "", "no method works here"
        self._answered, self._released = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._hold, name="kept awake", daemon=True)
        self._thread.start()

    def notice(self) -> Notice:
        """Return what came of it, after waiting for the answer of the system."""
        if not self._answered.wait(ANSWER_SECONDS):
            self._reason = f"it has not answered within {ANSWER_SECONDS:g} s"
        if self._method:
            message = f"This machine is kept awake while it trains ({self._method})."
            return Notice(level="info", message=message)
        return Notice(
            level="info",
            message=f"This machine could not be asked to stay awake: {self._reason}.",
            hint="If it goes to sleep, training waits until it wakes up.",
        )

    def release(self) -> None:
        """Let the machine sleep again; waits a moment for it, never longer."""
        self._released.set()
        self._thread.join(ANSWER_SECONDS)

    def _hold(self) -> None:
        try:
            with self._inhibitor() as self._method:
                self._answered.set()
                self._released.wait()
        except Exception as error:
            logger.warning("the machine could not be kept awake", exc_info=error)
            self._reason = str(error) or type(error).__name__
        self._answered.set()
