"""How a job is asked to end early."""

import threading
from typing import Literal

Request = Literal["", "stop", "pause"]


class Control:
    """A request that a job reads between two pieces of work: "stop" or "pause", "" for none.

    Set from any thread; the first request stays until the job has ended, except that a stop
    replaces a pause.
    """

    def __init__(self) -> None:
        self._request: Request = ""
        self._stops = 0
        self._asked = threading.Event()

    @property
    def request(self) -> Request:
        """What was asked for so far."""
        return self._request

    @property
    def in_haste(self) -> bool:
        """Whether a stop was asked for twice: what can be done later is left out."""
        return self._stops > 1

    def stop(self) -> None:
        """Ask the job to save what it has and end; asked twice, to end as soon as that is safe."""
        self._request = "stop"
        self._stops += 1
        self._asked.set()

    def pause(self) -> None:
        """Ask the job to save a checkpoint and free its device; a later resume goes on exactly."""
        if not self._request:
            self._request = "pause"
            self._asked.set()

    def wait(self, seconds: float) -> bool:
        """Sleep until a request comes or `seconds` are over; return whether one came."""
        return self._asked.wait(seconds)
