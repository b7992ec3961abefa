"""Writes what a run says to its folder, so that the file and not the pipe is the truth.

Every face of the engine (window, command line, tests) gets events that have been recorded here,
and whatever happens the last line of `events.jsonl` is the only `ended` of this start.
"""

import errno
import logging
import time
from collections.abc import Generator
from contextlib import closing
from typing import Any

from core.errors import UserError
from core.events import (
    CheckpointSaved,
    Evaluated,
    Event,
    MemoryMeasured,
    RunEnded,
    RunStarted,
    StepDone,
)
from core.report.page import write_report
from core.run_folder import RunFolder, outcome_changes
from core.training.checkpoint import CheckpointNotSaved, checkpoint_name
from core.training.guards import Mishap, OutOfMemory, Spoilt, Standstill
from core.training.owner import LOCKS
from core.training.trackers import tracked

logger = logging.getLogger(__name__)

_DISK_REFUSES = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS),  # full, or read-only
    *(errno.EIO, errno.ENXIO, errno.ENODEV),  # gone
    *(errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN),  # a drive on the network
}
_FOLDER_REFUSES = {errno.EACCES, errno.EPERM, errno.ENOENT}  # if it is the folder of the run
_GUARDS: tuple[tuple[type[UserError], str], ...] = (
    (CheckpointNotSaved, "R7"),
    (Standstill, "R2"),
    (OutOfMemory, "R4"),
    (Mishap, "R1"),
    (Spoilt, "R1"),
)
"""Which guard ends a run with which error, the first that fits."""
_STATE_SECONDS = 1.0  # a step alone replaces state.json at most this often


def record(run: RunFolder, events: Generator[Event, None, None]) -> Generator[Event, None, None]:
    """Pass `events` on after writing them to the run; the last one is always a `RunEnded`.

    The run's trackers get the numbers of what was written.

    An error that the user can mend becomes the outcome "failed", a disk that refuses a checkpoint
    "paused". Other errors are recorded as "failed", passed on as the last event, and raised.
    """
    recorder = Recorder(run)
    try:
        with closing(tracked(run, events)) as told:
            for event in told:
                recorder.take(event)
                yield event
        return
    except UserError as error:
        ended = _outcome_of(error, recorder.step)
    except Exception as error:
        if not (isinstance(error, OSError) and _is_of_the_disk(error, run)):
            ended = RunEnded.unexpected(error)
            recorder.take_last(ended)
            yield ended
            raise
        ended = _outcome_of(_refused(error), recorder.step)
    except BaseException:  # a second Ctrl-C, or whoever listened has gone away
        if not recorder.ended:
            recorder.take_last(RunEnded(outcome="interrupted", step=recorder.step))
        raise
    recorder.take_last(ended)
    yield ended


class Recorder:
    """Appends events to events.jsonl and keeps state.json up to date.

    Attributes:
        step: The last one that was done.
        ended: The outcome was recorded; nothing that comes after changes it.
    """

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._seq = _number_of_lines(run)
        self._pending: dict[str, Any] = {}
        self._written = 0.0
        self.step = 0
        self.ended = False

    def take(self, event: Event) -> None:
        """Record one event; after the outcome, another process may have the run.

        Raises:
            OSError: The disk is full or gone.
        """
        self._run.append_event(event, self._seq)
        self._seq += 1
        self._pending |= state_changes(event)
        self.step = self._pending.get("step", self.step)
        early = isinstance(event, StepDone) and time.monotonic() - self._written < _STATE_SECONDS
        if self._pending and not early:
            self._run.update_state(**self._pending)
            self._pending, self._written = {}, time.monotonic()
        if isinstance(event, RunEnded):
            self.ended = True
            self._report()
            LOCKS.give_back(self._run)

    def _report(self) -> None:
        try:
            write_report(self._run)
        except Exception:  # the run is over and safe; a page about it is no reason to fail
            logger.exception("the report could not be written")

    def take_last(self, event: RunEnded) -> None:
        """Record the outcome as well as a full disk allows."""
        try:
            self.take(event)
        except OSError:
            logger.exception("the outcome %s could not be recorded", event.outcome)
            LOCKS.give_back(self._run)


def state_changes(event: Event) -> dict[str, Any]:
    """Return the fields of the run's state that follow from `event`."""
    match event:
        case RunStarted():
            return {
                "step": event.first_step,
                "total_steps": event.total_steps,
                "inexact": event.inexact,
            }
        case StepDone():
            return {"step": event.step}
        case Evaluated(step=0):
            return {"first_loss": event.loss}
        case Evaluated(best=True):
            return {"best_loss": event.loss, "best": checkpoint_name(event.step)}
        case CheckpointSaved():
            return {"last": checkpoint_name(event.step)}
        case MemoryMeasured():
            return {
                "predicted_bytes": event.predicted_bytes,
                "measured_bytes": event.measured_bytes,
            }
        case RunEnded():
            return outcome_changes(event)
    return {}


def _number_of_lines(run: RunFolder) -> int:
    """Return how many events there are, and end a line that a kill cut short."""
    try:
        content = run.events_file.read_bytes()
    except FileNotFoundError:
        return 0
    if content and not content.endswith(b"\n"):
        with run.events_file.open("ab") as file:
            file.write(b"\n")
    return len(content.splitlines())


def _outcome_of(error: UserError, step: int) -> RunEnded:
    outcome = "paused" if isinstance(error, CheckpointNotSaved | Standstill) else "failed"
    guard = next((name for kind, name in _GUARDS if isinstance(error, kind)), "")
    return RunEnded(
        outcome=outcome,
        step=step,
        message=error.message,
        hint=error.hint,
        details=error.details,
        guard=guard,
    )


def _is_of_the_disk(error: OSError, run: RunFolder) -> bool:
    """Tell whether the place of the run refuses, not some other file that is missing."""
    if error.errno in _DISK_REFUSES:
        return True
    inside = str(error.filename or "").startswith(str(run.path))
    return inside and error.errno in _FOLDER_REFUSES


def _refused(error: OSError) -> CheckpointNotSaved:
    return CheckpointNotSaved(
        f"The run folder could not be written: {error.strerror or error}.",
        "The checkpoints so far are safe. Free some space on this disk, then resume the run.",
    )
