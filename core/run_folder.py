"""The folder of a run: the single source of truth about it.

RUN/
  run.toml        the settings
  state.json      phase, worker, last step, why it ended (replaced atomically)
  events.jsonl    every event, append only
  worker.log      what the worker wrote to its standard error
  training.lock   held by the process that trains it
  control.jsonl   requests of a window that did not start the worker itself
  checkpoints/    step-00000120/ …
  adapter/        the deliverable
  ranks/          spectra per checkpoint
  questions.json  what the adapter is asked when it is proven
  report.html     one page about all of it, written when the run ends
  trackers/       what TensorBoard and its like keep
"""

import json
import os
import re
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal

import psutil
from pydantic import BaseModel, ConfigDict, ValidationError

from core.durable import replace_file
from core.errors import UserError
from core.events import Event, RunEnded, events_in, to_line
from core.refusals import way_out
from core.settings import RunSettings, load_settings, save_settings

Phase = Literal["created", "running", "finished", "stopped", "paused", "failed", "interrupted"]


class RunState(BaseModel):
    """What state.json holds.

    Attributes:
        pid: Process of the worker, 0 before the first start.
        pid_started: Start time of that process; a pid alone may have been given to another one.
        inexact: What keeps a resume from being exact to the bit, "" where it is, None before the
            first step.
        best: Name of the best checkpoint's folder, by validation loss; `last` is the newest.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    phase: Phase = "created"
    pid: int = 0
    pid_started: float = 0.0
    step: int = 0
    total_steps: int = 0
    best: str = ""
    best_loss: float | None = None
    first_loss: float | None = None
    last: str = ""
    message: str = ""
    hint: str = ""
    predicted_bytes: int = 0
    measured_bytes: int = 0
    inexact: str | None = None


class RunFolder:
    """One run on the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings_file = path / "run.toml"
        self.state_file = path / "state.json"
        self.events_file = path / "events.jsonl"
        self.log_file = path / "worker.log"
        self.control_file = path / "control.jsonl"
        self.lock_file = path / "training.lock"
        self.checkpoints_dir = path / "checkpoints"
        self.adapter_dir = path / "adapter"
        self.ranks_dir = path / "ranks"
        self.questions_file = path / "questions.json"
        self.report_file = path / "report.html"

    @classmethod
    def create(cls, path: Path, settings: RunSettings) -> "RunFolder":
        """Make the folder of a new run.

        Raises:
            UserError: The folder exists and is not empty, or cannot be written.
        """
        run = cls(path)
        try:
            if path.exists() and (not path.is_dir() or any(path.iterdir())):
                raise UserError(
                    f"{path} exists already.",
                    "Choose another name, or resume the run that is there.",
                )
            run.checkpoints_dir.mkdir(parents=True)
            run.ranks_dir.mkdir()
            save_settings(settings, run.settings_file)
            run.write_state(RunState(total_steps=settings.training.steps))
        except OSError as error:
            raise UserError(
                f"The run folder {path} cannot be written: {error.strerror}.",
                way_out(error),
            ) from None
        return run

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """Return the run in `path`.

        Raises:
            UserError: There is no run in it.
        """
        run = cls(path)
        if not run.settings_file.is_file():
            raise UserError(f"{path} is not a run folder: it has no run.toml.", "Check the path.")
        return run

    @property
    def settings(self) -> RunSettings:
        """The settings of the run."""
        return load_settings(self.settings_file)

    def state(self) -> RunState:
        """Return the state; a run whose worker is gone without a word counts as interrupted."""
        try:
            state = RunState.model_validate_json(self.state_file.read_bytes())
        except (FileNotFoundError, ValidationError):
            state = RunState()
        if state.phase == "running" and not is_alive(state.pid, state.pid_started):
            return state.model_copy(update={"phase": "interrupted"})
        return state

    def write_state(self, state: RunState) -> None:
        """Replace the state atomically."""
        replace_file(self.state_file, state.model_dump_json(indent=1).encode())

    def update_state(self, **changes: object) -> RunState:
        """Change some fields of the state and return it."""
        content = {**self.state().model_dump(), **changes}
        state = RunState.model_validate(content)
        self.write_state(state)
        return state

    def append_event(self, event: Event, seq: int) -> None:
        """Append one line to events.jsonl."""
        with self.events_file.open("a", encoding="utf-8") as file:
            file.write(to_line(event, seq=seq) + "\n")

    def event_lines(self) -> list[str]:
        """Return the lines of events.jsonl so far; the last one may be cut short."""
        try:
            return self.events_file.read_text("utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return []

    def events(self) -> Iterator[Event]:
        """Yield all events so far, in the order in which they were written."""
        return events_in(self.event_lines())

    def ask(self, request: Literal["stop", "pause"]) -> None:
        """Leave a request for a worker that this process did not start."""
        with self.control_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"command": request}) + "\n")

    def log_tail(self, lines: int = 20) -> str:
        """Return the last lines of the worker's log."""
        try:
            text = self.log_file.read_text("utf-8", errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def checkpoints(self) -> list[Path]:
        """Return the committed checkpoint folders, oldest first."""
        return sorted(self.checkpoints_dir.glob("step-*"))

    def delete(self) -> None:
        """Remove the run from the disk.

        Raises:
            UserError: It is running.
        """
        if self.state().phase == "running":
            raise UserError("This run is still going on.", "Stop it first.")
        shutil.rmtree(self.path)


def is_alive(pid: int, started: float) -> bool:
    """Tell whether the process with that pid is still the one that started then."""
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - started) < 1.0
        return pid > 0 and same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def own_process() -> dict[str, float]:
    """Return the fields of the state that identify this process."""
    return {"pid": os.getpid(), "pid_started": psutil.Process().create_time()}


def new_run_path(root: Path, name: str) -> Path:
    """Return a folder for a run of that name that does not exist yet: name, name-2, name-3."""
    stem = re.sub(r"\s+", "-", name.strip())
    number = 1
    while (path := root / (stem if number == 1 else f"{stem}-{number}")).exists():
        number += 1
    return path


def list_runs(root: Path) -> list[RunFolder]:
    """Return the runs under `root`, newest first."""
    found = [RunFolder(file.parent) for file in root.glob("*/run.toml")]
    return sorted(found, key=lambda run: run.settings_file.stat().st_mtime, reverse=True)


def started_at(run: RunFolder) -> datetime:
    """Return when the run began: run.toml is not written again after its first checkpoint."""
    return datetime.fromtimestamp(run.settings_file.stat().st_mtime)


def outcome_changes(ended: RunEnded) -> dict[str, object]:
    """Return the fields of the state that follow from the last event."""
    return {"phase": ended.outcome, "message": ended.message, "hint": ended.hint}
