"""The background: the only file of the window that knows threads and processes.

A `WorkerThread` owns one worker process (`python -m core.worker`), turns its event lines into
signals and guarantees that every job ends exactly once: with the worker's own `RunEnded`, or with
`RunEnded.lost` where it died without a word. A `FollowThread` does the same for a run whose worker
another window started: it reads the run folder, which holds the truth. `WorkerPool` keeps a spare
worker warm, so that the seconds of imports are over before anyone presses Start.
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
from pathlib import Path
from typing import IO, Any, Literal

import psutil
from PySide6.QtCore import QObject, QThread, Signal

from core.events import Event, RunEnded, from_line
from core.run_folder import RunFolder, is_alive

POLL_SECONDS = 0.1


class WorkerProcess:
    """A worker as a child process: lines in, lines out, its log in a file."""

    def __init__(self) -> None:
        descriptor, log = tempfile.mkstemp(prefix="rankscope-worker-", suffix=".log")
        self.log_file = Path(log)
        with os.fdopen(descriptor, "wb") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "core.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=Path(__file__).resolve().parent.parent,
                start_new_session=True,  # the worker outlives a window that is killed
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        self._lines: queue.Queue[str | None] = queue.Queue()
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
            self._lines.put(line)
        self._lines.put(None)

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
        text = self.log_file.read_text("utf-8", errors="replace")
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


class WorkerThread(QThread):
    """Reads one worker's events.

    Signals:
        event_arrived: (job id, Event), emitted in this thread, delivered in the receiver's. The
            last event of a job is its `RunEnded`.
    """

    event_arrived = Signal(int, object)

    def __init__(self) -> None:
        super().__init__()
        self._process = WorkerProcess()
        self._ids = itertools.count(1)
        self._open_jobs: set[int] = set()
        self._lock = threading.Lock()
        self._leave = threading.Event()

    @property
    def pid(self) -> int:
        """Process id of the worker."""
        return self._process.pid

    def submit(self, job: str, request: dict[str, Any]) -> int:
        """Queue a job and return its id."""
        job_id = next(self._ids)
        with self._lock:
            self._open_jobs.add(job_id)
        self._process.send({"command": "run", "job": job, "request": request, "id": job_id})
        return job_id

    def ask(self, request: Literal["stop", "pause"]) -> None:
        """Ask the current job to end."""
        self._process.send({"command": request})

    def kill(self) -> None:
        """End the worker at once; its open jobs end as lost."""
        self._process.kill()

    def quit_after_job(self) -> None:
        """Let the worker end when it has nothing left to do."""
        self._process.send({"command": "quit"})

    def leave(self) -> None:
        """Stop listening; the worker goes on with its job."""
        self._leave.set()

    def run(self) -> None:
        """Read until the worker ends, then close every job that it left open."""
        while (line := self._process.read_line(POLL_SECONDS)) is not None:
            if self._leave.is_set():
                return
            event = from_line(line) if line else None
            if event is not None:
                self._deliver(_job_id(line), event)
        code = self._process.wait()
        for job_id in sorted(self._open_jobs):
            self._deliver(job_id, RunEnded.lost(code, self._process.log_tail()))
        self._process.release()

    def _deliver(self, job_id: int, event: Event) -> None:
        if isinstance(event, RunEnded):
            with self._lock:
                if job_id not in self._open_jobs:
                    return
                self._open_jobs.remove(job_id)
        self.event_arrived.emit(job_id, event)


def _job_id(line: str) -> int:
    return int(json.loads(line).get("id", 0))


class FollowThread(QThread):
    """Follows a run whose worker this window did not start, by reading its run folder.

    Signals:
        event_arrived: (0, Event), from the first event of the run on; the last one is `RunEnded`.
    """

    event_arrived = Signal(int, object)

    def __init__(self, run: RunFolder, skip: int) -> None:
        """Follow `run`, leaving out the first `skip` lines, which the window knows already."""
        super().__init__()
        self._run = run
        self._skip = skip
        self._leave = threading.Event()

    def ask(self, request: Literal["stop", "pause"]) -> None:
        """Leave a request in the run folder, where the worker looks for it."""
        self._run.ask(request)

    def kill(self) -> None:
        """End the worker at once, if it is still the process that the run folder names."""
        state = self._run.state()
        if is_alive(state.pid, state.pid_started):
            kill_tree(state.pid)

    def leave(self) -> None:
        """Stop following; the run goes on."""
        self._leave.set()

    def run(self) -> None:
        """Read new lines until the run has ended or its worker is gone."""
        with self._run.events_file.open(encoding="utf-8") as file:
            for _ in range(self._skip):
                file.readline()
            partial = ""
            while not self._leave.is_set():
                alive = self._run.state().phase == "running"
                while line := file.readline():
                    partial += line
                    if partial.endswith("\n"):
                        event = from_line(partial)
                        partial = ""
                        if event is not None:
                            self.event_arrived.emit(0, event)
                        if isinstance(event, RunEnded):
                            return
                if not alive:
                    self.event_arrived.emit(0, RunEnded.lost(None, self._run.log_tail()))
                    return
                time.sleep(POLL_SECONDS)


class WorkerPool(QObject):
    """Hands out running workers and keeps one warm in reserve."""

    def __init__(self) -> None:
        super().__init__()
        self._spare: WorkerThread | None = None
        self._threads: list[WorkerThread] = []

    def warm_up(self) -> None:
        """Start the spare worker, unless it stands ready already."""
        if self._spare is None:
            self._spare = WorkerThread()
            self._threads.append(self._spare)
            self._spare.start(QThread.Priority.LowPriority)

    def take(self) -> WorkerThread:
        """Return a worker of one's own; the caller lets it quit or kills it."""
        self.warm_up()
        worker, self._spare = self._spare, None
        assert worker is not None
        return worker

    def close(self, *, keep: WorkerThread | None = None) -> None:
        """End all workers but `keep`, whose run goes on without this window."""
        for thread in self._threads:
            if thread is keep:
                thread.leave()
            else:
                thread.kill()
            thread.wait()
