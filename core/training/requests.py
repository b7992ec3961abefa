"""What a run is asked to do: by its own process, or through a file by a window elsewhere."""

import json
import time
from pathlib import Path

from core.control import Control, Request

_LOOK_SECONDS = 0.05
"""Between two looks at the control file from inside a micro-batch: blocks can be quick, and a file
system far away."""


class Halt(Exception):
    """The run was asked to end; `outcome` is how: "stopped" or "paused"."""

    def __init__(self, outcome: str) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class Requests:
    """Joins the control of this process with the control file of the run, where there is a run.

    Only requests that are written to the file after this object was made count: older lines were
    meant for an earlier worker. A job that has no run folder of its own has no file.
    """

    def __init__(self, control: Control, file: Path | None = None) -> None:
        self.control = control
        self._file = file
        self._seen = self._size()
        self._looked = time.monotonic()

    def check(self) -> None:
        """Raise `Halt` if a stop or a pause was asked for; costs one stat call."""
        self._read_file()
        request = self.control.request
        if request:
            raise Halt("stopped" if request == "stop" else "paused")

    def check_often(self) -> None:
        """Do the same where it is called many times a second; looks at the file now and then."""
        now = time.monotonic()
        if self.control.request or now - self._looked > _LOOK_SECONDS:
            self._looked = now
            self.check()

    @property
    def request(self) -> Request:
        """What was asked for so far."""
        self._read_file()
        return self.control.request

    def is_asked(self) -> bool:
        """Tell whether a stop or a pause was asked for."""
        return bool(self.request)

    def is_in_haste(self) -> bool:
        """Tell whether a stop was asked for twice."""
        self._read_file()
        return self.control.in_haste

    def _size(self) -> int:
        if self._file is None:
            return 0
        try:
            return self._file.stat().st_size if self._file else 0
        except FileNotFoundError:
            return 0

    def _read_file(self) -> None:
        if self._file is None or self._size() <= self._seen:
            return
        with self._file.open("rb") as file:
            file.seek(self._seen)
            lines = file.read().splitlines(keepends=True)
        for line in lines:
            if not line.endswith(b"\n"):
                return  # still being written
            self._seen += len(line)
            self._obey(line)

    def _obey(self, line: bytes) -> None:
        try:
            command = json.loads(line)["command"]
        except (ValueError, KeyError, TypeError):
            return
        if command == "stop":
            self.control.stop()
        elif command == "pause":
            self.control.pause()
