"""The GPU worker: `python -m core.worker`, the only process that loads torch.

It reads one JSON object per line from standard input:

    {"command": "run", "job": "train", "request": {…}, "id": 1}
    {"command": "stop"}        or "pause": ask the current job to end; with an "id" the job of
                               that id, also when it has not begun yet
    {"command": "quit"}        end after the current job

and writes one event per line to standard output, each with the `id` of its job, a sequence number
and a monotonic time; the last event of a job is always `ended`. A closed pipe is not an error:
a training job goes on, because its run folder holds the truth.
"""

import json
import logging
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, TextIO

from pydantic import ValidationError

from core.control import Control
from core.data.desk import DataDesk
from core.errors import UserError
from core.events import Event, RunEnded, to_line
from core.jobs import JOBS, Job
from core.jobs.base import BriefJob, DataJob
from core.libraries import prepare_libraries

logger = logging.getLogger(__name__)


class EventPipe:
    """Writes events to the window; goes quiet for good once nobody listens any more."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._seq = 0
        self._open = True

    def write(self, event: Event, job_id: int) -> None:
        """Write one line and flush it."""
        self._seq += 1
        if not self._open:
            return
        line = to_line(event, id=job_id, seq=self._seq, time=time.monotonic())
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            self._open = False


class Commands:
    """Reads commands on a thread of its own: jobs wait in line, requests go to their job."""

    def __init__(self, stream: TextIO) -> None:
        self.current: Control | None = None
        self._waiting: deque[dict[str, Any] | None] = deque()
        self._current_id: object = None
        self._early: dict[object, str] = {}
        self._changed = threading.Condition()  # around a lock that its owner can take again
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def next(self) -> dict[str, Any] | None:
        """Wait for the next job; None: there will be no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting)
            return self._waiting.popleft()

    def take(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any] | None:
        """Return the first waiting job that is wanted, ahead of its turn; None where none is."""
        with self._changed:
            waiting = [command for command in self._waiting if command is not None]
        found = next((command for command in waiting if wanted(command)), None)
        if found is not None:
            with self._changed:
                self._waiting.remove(found)
        return found

    def begin(self, command: dict[str, Any]) -> Control:
        """Return the control of a job that starts now; it may have been asked to end already."""
        with self._changed:
            self.current, self._current_id = self.between(command), command.get("id")
            return self.current

    def between(self, command: dict[str, Any]) -> Control:
        """Return the control of a job that is done between two pieces of the current one."""
        control = Control()
        with self._changed:
            _ask(control, self._early.pop(command.get("id"), ""))
        return control

    def end(self) -> None:
        """Note that no job is at work."""
        with self._changed:
            self.current, self._current_id = None, None

    def _read(self, stream: TextIO) -> None:
        for line in stream:
            try:
                command = json.loads(line)
                self._obey(command["command"], command)
            except (ValueError, KeyError, TypeError):
                logger.warning("ignored a malformed command: %.200s", line)
        self._put(None)

    def _put(self, command: dict[str, Any] | None) -> None:
        with self._changed:
            self._waiting.append(command)
            self._changed.notify()

    def _obey(self, name: str, command: dict[str, Any]) -> None:
        if name == "run":
            self._put(command)
        elif name == "quit":
            self._put(None)
        elif name in ("stop", "pause"):
            job_id = command.get("id")
            with self._changed:
                control = self.current if job_id in (None, self._current_id) else None
                if control is None and job_id is not None:
                    self._early[job_id] = name
            if control is not None:
                _ask(control, name)


def _ask(control: Control, request: str) -> None:
    if request == "stop":
        control.stop()
    elif request == "pause":
        control.pause()


class Jobs:
    """The jobs that this worker did so far, kept because some hold a loaded model."""

    def __init__(self) -> None:
        self._made: dict[str, Job] = {}
        self._desk = DataDesk()

    def named(self, name: str) -> Job:
        """Return the job of that name.

        Raises:
            UserError: There is none.
        """
        if name not in self._made:
            job = self._made[name] = JOBS[name]()
            if isinstance(job, DataJob):
                job.desk = self._desk
        return self._made[name]

    def at_once(self, command: dict[str, Any]) -> bool:
        """Tell whether a job can be done between two pieces of another one."""
        try:
            job = self.named(command["job"])
            request = job.Request.model_validate(command["request"])
            return isinstance(job, BriefJob) and job.at_once(request)
        except (UserError, ValidationError, KeyError):  # what is wrong is said in its turn
            return False


def events_of(command: dict[str, Any], control: Control, jobs: Jobs) -> Iterator[Event]:
    """Run one job; whatever happens, the last event is the only `RunEnded`.

    Args:
        command: The "run" command.
        control: Where a stop or a pause will be asked for.
        jobs: Those of this worker.
    """
    ended = RunEnded(outcome="finished")
    try:
        job = jobs.named(command["job"])
        request = job.Request.model_validate(command["request"])
        with closing(job.run(request, control)) as events:
            for event in events:
                if isinstance(event, RunEnded):
                    ended = event
                else:
                    yield event
    except UserError as error:
        ended = RunEnded.failed(error)
    except ValidationError as error:
        ended = RunEnded(
            outcome="failed",
            message="The worker did not understand the request.",
            details=str(error),
        )
    except Exception as error:  # noqa: BLE001 - the boundary of the process: nothing may get lost
        ended = RunEnded.unexpected(error)
    yield ended


def serve(stdin: TextIO, stdout: TextIO, warming: threading.Thread | None = None) -> None:
    """Do one job after another until the pipe closes or a quit arrives.

    The first job waits for `warming`: two threads that import transformers at the same time see
    half of it ("cannot import name 'AutoTokenizer'").
    """
    pipe = EventPipe(stdout)
    commands = Commands(stdin)

    def on_signal(*_: object) -> None:
        if commands.current is None:
            raise SystemExit(130)
        commands.current.stop()
        commands.current.stop()  # twice: whoever sends a signal will not wait for a proof

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    jobs = Jobs()

    def write(command: dict[str, Any], event: Event) -> None:
        pipe.write(event, command.get("id", 0))

    while (command := commands.next()) is not None:
        control = commands.begin(command)
        if warming is not None:
            warming.join()
        for event in events_of(command, control, jobs):
            write(command, event)
            while (brief := commands.take(jobs.at_once)) is not None:
                for answer in events_of(brief, commands.between(brief), jobs):
                    write(brief, answer)
        commands.end()


def warm_up() -> None:
    """Import the slow libraries now, so that Start does not wait for them."""
    import peft  # noqa: F401
    import torch  # noqa: F401
    import transformers  # noqa: F401


def main() -> None:
    """Give standard output to the events alone, then serve."""
    prepare_libraries()
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # a stray print, also of a C library, lands in the log
    sys.stdout = sys.stderr
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    warming = threading.Thread(target=warm_up, daemon=True)
    warming.start()
    serve(sys.stdin, events, warming)


if __name__ == "__main__":
    main()
