"""The background: the only file of the window that knows threads and processes.

A `WorkerThread` owns one worker process (`python -m core.worker`), turns its event lines into
signals and guarantees that every job ends exactly once: with the worker's own `RunEnded`, or with
`RunEnded.lost` where it died without a word. A `FollowThread` does the same for a run whose worker
another window started: it reads the run folder, which holds the truth.
"""

import contextlib
import itertools
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal

import psutil
from PySide6.QtCore import QThread, QTimer, Signal

from core.events import OUTCOMES, Event, RunEnded, events_in, from_line
from core.heap import with_tidy_heap
from core.run_folder import RunFolder, is_alive

OnError = Callable[[type[BaseException], BaseException, TracebackType | None], None]
POLL_SECONDS = 0.1
MOST_LINES = 1000
"""Lines that wait to be read; a worker that says still more waits until there is room."""
BURST, BREATH_SECONDS = 10, 0.01
"""The window gets at most so many events at once, and then time to draw: 1000 a second are more
than any training has, and no more than what a window can take in."""
LAST_WORD_SECONDS = 2.0
"""How long a follower waits for the last event of a run that says it has ended."""
NICENESS = 5
"""The window stays quick while the worker uses all cores."""
WORKER = (sys.executable, "-m", "core.worker")
"""Command line of the worker."""


class WorkerProcess:
    """A worker as a child process: lines in, lines out, its log in a file.

    Args:
        command: The command line of the worker.
    """

    def __init__(self, command: Sequence[str] = WORKER) -> None:
        descriptor, log = tempfile.mkstemp(prefix="rankscope-worker-", suffix=".log")
        self.log_file = Path(log)
        with os.fdopen(descriptor, "wb") as stderr:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=Path(__file__).resolve().parent.parent,
                env=with_tidy_heap(os.environ),
                start_new_session=True,  # the worker outlives a window that is killed
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        _lower_priority(self._process.pid)
        self._lines: queue.Queue[str | None] = queue.Queue(MOST_LINES)
        self._abandoned = False
        threading.Thread(target=self._pump, args=(self._process.stdout,), daemon=True).start()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def read_line(self, seconds: float) -> str | None:
        """Return the next event line, "" if none came in time, None once the worker has ended."""
        try:
            return self._lines.get(timeout=seconds)
        except queue.Empty:
            return ""

    def _pump(self, stdout: IO[str]) -> None:
        """Move lines to the queue; a daemon, so that a window can close while a run goes on."""
        for line in stdout:
            if not self._abandoned:
                self._lines.put(line)
        if not self._abandoned:
            self._lines.put(None)
        else:
            self._process.wait()
            self.release()

    def abandon(self) -> None:
        """Let the worker go on unheard; what it holds here is given back when it ends."""
        self._abandoned = True
        with contextlib.suppress(queue.Empty):
            while True:  # room for a line that waits for it
                self._lines.get_nowait()

    def send(self, command: dict[str, Any]) -> None:
        """Write one command line; a worker that is gone is noticed by whoever reads."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()

    def kill(self) -> None:
        """Kill the worker and everything that it started."""
        kill_tree(self.pid)

    def wait(self, seconds: float | None = None) -> int | None:
        """Wait for the end and return the exit code, or None if it did not come in time."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def log_tail(self, lines: int = 20) -> str:
        """Return the last lines that the worker logged."""
        try:
            text = self.log_file.read_text("utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def release(self) -> None:
        """Close the pipes and remove the log of a worker that has ended."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self.log_file.unlink(missing_ok=True)


def kill_tree(pid: int) -> None:
    """Kill a process and its children; a process that is gone already counts as killed."""
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for victim in [*process.children(recursive=True), process]:
            with contextlib.suppress(psutil.Error):
                victim.kill()


def _lower_priority(pid: int) -> None:
    with contextlib.suppress(psutil.Error, OSError):
        low = getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", NICENESS)  # the former on Windows
        psutil.Process(pid).nice(low)


class WorkerThread(QThread):
    """Reads one worker's events.

    Signals:
        event_arrived: (job id, Event), emitted in this thread, delivered in the receiver's. The
            last event of a job is its `RunEnded`.
    """

    event_arrived = Signal(int, object)

    def __init__(
        self, ids: Iterator[int] | None = None, *, command: Sequence[str] = WORKER
    ) -> None:
        """Start the worker; `ids` numbers the jobs, uniquely among all workers of a window."""
        super().__init__()
        self._process = WorkerProcess(command)
        self._ids = ids if ids is not None else itertools.count(1)
        self._open_jobs: set[int] = set()
        self._ended = False
        self._lock = threading.Lock()
        self._leave = threading.Event()

    @property
    def pid(self) -> int:
        """Process id of the worker."""
        return self._process.pid

    def submit(self, job: str, request: dict[str, Any]) -> int:
        """Queue a job and return its id; on a worker that is gone it ends as lost."""
        job_id = next(self._ids)
        with self._lock:
            gone = self._ended
            self._open_jobs.add(job_id)
        if gone:
            QTimer.singleShot(0, self, lambda: self._lose(None))
        else:
            self._process.send({"command": "run", "job": job, "request": request, "id": job_id})
        return job_id

    def ask(self, request: Literal["stop", "pause"], job_id: int | None = None) -> None:
        """Ask the current job to end, or the job of that id whether it has begun or not."""
        command: dict[str, Any] = {"command": request}
        if job_id is not None:
            command["id"] = job_id
        self._process.send(command)

    def kill(self) -> None:
        """End the worker at once; its open jobs end as lost."""
        self._process.kill()

    def quit_after_job(self) -> None:
        """Let the worker end when it has nothing left to do."""
        self._process.send({"command": "quit"})

    @property
    def left(self) -> bool:
        """Whether nobody listens any more."""
        return self._leave.is_set()

    def leave(self) -> None:
        """Stop listening; the worker goes on with its job."""
        self._leave.set()

    def run(self) -> None:
        """Read until the worker ends, then close every job that it left open."""
        heard = 0
        while (line := self._process.read_line(POLL_SECONDS)) is not None:
            if self._leave.is_set():
                self._process.abandon()
                return
            event = from_line(line) if line else None
            if event is not None:
                self._deliver(_job_id(line), event)
                heard += 1
                if heard % BURST == 0:
                    time.sleep(BREATH_SECONDS)
        code = self._process.wait()
        with self._lock:
            self._ended = True
        self._lose(code)
        self._process.release()

    def _lose(self, code: int | None) -> None:
        for job_id in sorted(self._open_jobs):
            self._deliver(job_id, RunEnded.lost(code, self._process.log_tail()))

    def _deliver(self, job_id: int, event: Event) -> None:
        if isinstance(event, RunEnded):
            with self._lock:
                if job_id not in self._open_jobs:
                    return
                self._open_jobs.remove(job_id)
        self.event_arrived.emit(job_id, event)


def _job_id(line: str) -> int:
    """Return the job that an event line belongs to; 0, which no job has, where it says nonsense."""
    job_id = json.loads(line).get("id", 0)
    return job_id if isinstance(job_id, int) else 0


def read_events(run: RunFolder) -> tuple[list[Event], int]:
    """Return the events of a run so far, and the offset in bytes up to which they were read.

    Only whole lines count: the rest of a line that is just being written comes with the next look.
    """
    try:
        content = run.events_file.read_bytes()
    except FileNotFoundError:
        return [], 0
    end = content.rfind(b"\n") + 1
    lines = content[:end].decode("utf-8", errors="replace").splitlines()
    return list(events_in(lines)), end


class FollowThread(QThread):
    """Follows a run whose worker this window did not start, by reading its run folder.

    Signals:
        event_arrived: (0, Event) for every event after the offset; the last one is `RunEnded`.
    """

    event_arrived = Signal(int, object)

    def __init__(self, run: RunFolder, offset: int) -> None:
        """Follow `run` from the byte `offset` of its events file on (see `read_events`)."""
        super().__init__()
        self._run = run
        self._offset = offset
        self._leave = threading.Event()

    def ask(self, request: Literal["stop", "pause"], job_id: int | None = None) -> None:
        """Leave a request in the run folder, where the worker looks for it."""
        self._run.ask(request)

    def kill(self) -> None:
        """End the worker at once, if it is still the process that the run folder names."""
        state = self._run.state()
        if is_alive(state.pid, state.pid_started):
            kill_tree(state.pid)

    @property
    def left(self) -> bool:
        """Whether nobody listens any more."""
        return self._leave.is_set()

    def leave(self) -> None:
        """Stop following; the run goes on."""
        self._leave.set()

    def run(self) -> None:
        """Read new lines until the run has ended or its worker is gone."""
        quiet_since: float | None = None
        while not self._leave.is_set():
            phase = self._run.state().phase
            for event in self._new_events():
                self.event_arrived.emit(0, event)
                if isinstance(event, RunEnded):
                    return
            if phase != "running":
                now = time.monotonic()
                quiet_since = now if quiet_since is None else quiet_since
                if phase == "interrupted" or now - quiet_since > LAST_WORD_SECONDS:
                    self.event_arrived.emit(0, self._last_word(phase))
                    return
            self._leave.wait(POLL_SECONDS)

    def _new_events(self) -> list[Event]:
        """Return the events on the lines that are complete and new."""
        try:
            with self._run.events_file.open("rb") as file:
                file.seek(self._offset)
                content = file.read()
        except FileNotFoundError:
            return []
        end = content.rfind(b"\n") + 1
        self._offset += end
        lines = content[:end].decode("utf-8", errors="replace").splitlines()
        return list(events_in(lines))

    def _last_word(self, phase: str) -> RunEnded:
        """Return the outcome of a run that wrote none: what its state says, or that it is lost."""
        if phase in OUTCOMES and phase != "interrupted":
            state = self._run.state()
            return RunEnded(outcome=phase, step=state.step, message=state.message, hint=state.hint)
        return RunEnded.lost(None, self._run.log_tail())


def catch_thread_errors(on_error: OnError) -> Callable[[], None]:
    """Hand what nobody foresaw in a thread of Python to `on_error`; return what undoes it."""
    before = threading.excepthook

    def hook(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            on_error(args.exc_type, args.exc_value, args.exc_traceback)

    threading.excepthook = hook

    def undo() -> None:
        threading.excepthook = before

    return undo
