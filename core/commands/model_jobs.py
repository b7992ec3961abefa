"""What the commands share that load a model for an adapter: its settings, and a job to follow."""

import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from core.commands.train import stopping_on_signals
from core.control import Control
from core.errors import UserError
from core.events import Event, Notice, Progress, Reply
from core.jobs.base import Job, JobRequest
from core.libraries import prepare_libraries
from core.run_folder import RunFolder
from core.settings import RunSettings

_CLEAR = "\r\x1b[K"


def settings_of(adapter: str, base: str | None, data: str | None = None) -> RunSettings:
    """Return the run's settings, or for a PEFT folder those that the options name.

    Raises:
        UserError: A PEFT folder comes without its base model.
    """
    run = RunFolder(Path(adapter))
    is_run = run.settings_file.is_file()
    if not is_run and not base:
        raise UserError(
            f"{adapter} is no run, so that its base model is not known.", "Name it with --base."
        )
    settings = run.settings if is_run else RunSettings()
    named = {"model.source": base, "data.path": data}
    return settings.with_changes({key: name for key, name in named.items() if name})


def followed(job: Job, request: JobRequest) -> dict[str, Any]:
    """Run a job, tell on a terminal how far it is, and return what it replied.

    Raises:
        UserError: As the job raises it.
        KeyboardInterrupt: It was asked to stop; it leaves nothing behind.
    """
    prepare_libraries()
    control = Control()
    replies: list[dict[str, Any]] = []
    with stopping_on_signals(control), closing(job.run(request, control)) as events:
        for event in events:
            _tell(event)
            if isinstance(event, Reply):
                replies.append(event.data)
    if sys.stderr.isatty():
        sys.stderr.write(_CLEAR)
    if not replies:
        raise KeyboardInterrupt
    return replies[-1]


def _tell(event: Event) -> None:
    """Tell of an event; standard output belongs to the result."""
    clear = _CLEAR if sys.stderr.isatty() else ""
    if isinstance(event, Notice) and event.level != "info":
        sys.stderr.write(f"{clear}{event.message}\n")
    elif isinstance(event, Progress) and clear:
        done = f"{event.share:4.0%}  " if event.share >= 0 else ""
        sys.stderr.write(f"{clear}{done}{event.message}")
        sys.stderr.flush()
