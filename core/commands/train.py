"""`rankscope train RUN.toml [--out RUN] [--resume]`: trains in this process."""

import argparse
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, redirect_stdout
from pathlib import Path
from typing import ClassVar

from core.commands.base import COMMANDS, add_set_option, settings_from
from core.control import Control
from core.data.source import is_pattern
from core.errors import UserError
from core.events import RunEnded
from core.libraries import prepare_libraries
from core.models.starter import SOURCE
from core.paths import runs_dir
from core.run_folder import RunFolder, list_runs, new_run_path
from core.settings import RunSettings
from core.training_report import Reporter, reporter_for

STANDARD_OUTPUT = 1


@COMMANDS.register("train")
class Train:
    """The command `train`."""

    summary: ClassVar[str] = "train an adapter"

    @staticmethod
    def arguments(parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("file", metavar="RUN.toml", help="settings, or a run folder to resume")
        parser.add_argument("--out", metavar="RUN", help="folder of the run")
        parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
        parser.add_argument(
            "--keep-awake",
            action="store_true",
            help="do not let this machine fall asleep meanwhile",
        )
        add_set_option(parser)

    @staticmethod
    def run(arguments: argparse.Namespace) -> None:
        """Train and report while it goes on.

        Raises:
            UserError: Something that the user can mend kept the run from its end.
            KeyboardInterrupt: It was stopped by a signal, after what it has was saved.
        """
        run = _run_to_resume(arguments) if arguments.resume else _new_run(arguments)
        reporter = reporter_for(run, as_json=arguments.json, stream=sys.stdout)
        ended, signalled = _train(run, reporter, arguments)
        if ended.outcome in ("failed", "paused") and ended.message:
            raise UserError(ended.message, ended.hint, ended.details)
        if signalled:
            raise KeyboardInterrupt

    @staticmethod
    def show(document: None) -> None:
        """Nothing is left to say: the reporter spoke while it trained."""


def _train(
    run: RunFolder, reporter: Reporter, arguments: argparse.Namespace
) -> tuple[RunEnded, bool]:
    """Return the outcome, and whether a signal asked for it.

    Standard output belongs to the reporter: what a library or a tracker prints goes to the errors.
    """
    with _unread():
        reporter.preparing()
    prepare_libraries()
    from core.training.awake import train_awake
    from core.training.loop import train

    control = Control()
    ended = RunEnded(outcome="interrupted")
    begin = train_awake if arguments.keep_awake else train
    events = begin(run, control, resume=arguments.resume)
    with stopping_on_signals(control) as signals, closing(events), redirect_stdout(sys.stderr):
        for event in events:
            with _unread():
                reporter.take(event)
            if isinstance(event, RunEnded):
                ended = event
    return ended, bool(signals)


@contextmanager
def _unread() -> Iterator[None]:
    """Go on in silence where nobody reads any more.

    `rankscope train … | head` closes the pipe after some lines; that must not end the run.
    """
    try:
        yield
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, STANDARD_OUTPUT)
        os.close(nowhere)


@contextmanager
def stopping_on_signals(control: Control) -> Iterator[list[int]]:
    """Let Ctrl-C and SIGTERM stop the job and save; the second one stops it now.

    Yields the list of signals that came.
    """
    came: list[int] = []

    def on_signal(number: int, _: object) -> None:
        came.append(number)
        if len(came) > 1:
            raise KeyboardInterrupt
        sys.stderr.write("\nStopping after this micro-batch and saving. Once more stops now.\n")
        control.stop()
        control.stop()  # twice: whoever sends a signal will not wait for a proof

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, on_signal) for number in numbers]
    try:
        yield came
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _new_run(arguments: argparse.Namespace) -> RunFolder:
    file = Path(arguments.file)
    if file.is_dir():
        file /= "run.toml"
    settings = _with_whole_paths(settings_from(str(file), arguments.set))
    path = Path(arguments.out) if arguments.out else new_run_path(runs_dir(), settings.name)
    return RunFolder.create(path.resolve(), settings)


def _with_whole_paths(settings: RunSettings) -> RunSettings:
    """Return the settings with absolute paths: a run may be resumed from another folder."""
    named = {"model.source": settings.model.source, "data.path": settings.data.path}
    return settings.with_changes(
        {key: _whole_path(name) for key, name in named.items() if name != SOURCE}
    )


def _whole_path(name: str) -> str:
    """Return where a file, folder or pattern lies; what is none of these stays as it is."""
    try:
        path = Path(name).expanduser()
    except RuntimeError:  # no such home folder, which reading will say
        return name
    return str(path.resolve()) if path.exists() or is_pattern(path) else name


def _run_to_resume(arguments: argparse.Namespace) -> RunFolder:
    """Return the run of `--out`, the one in or at RUN.toml's place, or the newest of that name.

    Raises:
        UserError: There is none, or `--set` would change what it does.
    """
    if arguments.set:
        raise UserError(
            "A resumed run goes on exactly as it began: --set cannot change it.",
            "Leave --set out, or start a new run.",
        )
    place = Path(arguments.out or arguments.file).resolve()
    folder = place if place.is_dir() else place.parent
    if arguments.out or (folder / "state.json").is_file():
        return RunFolder.open(folder)
    wanted = _with_whole_paths(settings_from(arguments.file, []))
    named = [
        run
        for run in list_runs(runs_dir())
        if run.settings.name == wanted.name and run.state().phase != "finished"
    ]
    for run in named:
        if _began_with(wanted, run.settings):
            return run
    lacking = "has these settings" if named else "is there to resume"
    raise UserError(
        f"No run called {wanted.name!r} {lacking}.",
        "`rankscope runs` lists all; name the folder of one instead of the file.",
    )


def _began_with(wanted: RunSettings, recorded: RunSettings) -> bool:
    """Tell whether a run began with these settings; what was "auto" has been decided since."""
    before, now = wanted.model_dump(), recorded.model_dump()
    return all(
        values == now[section]
        or (
            isinstance(values, dict)
            and all(value in ("auto", now[section].get(key)) for key, value in values.items())
        )
        for section, values in before.items()
    )
