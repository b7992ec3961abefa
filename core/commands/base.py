"""The contract of a command, and options that several commands share."""

import argparse
from pathlib import Path
from typing import Any, ClassVar, Protocol

from core.errors import UserError
from core.registry import Registry
from core.settings import RunSettings, load_settings


class Command(Protocol):
    """One command of `rankscope`.

    `run` does the work and returns the document that `--json` prints; `show` prints the same for
    people. A command that streams prints while it runs and returns None.
    """

    summary: ClassVar[str]

    @staticmethod
    def arguments(parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""

    @staticmethod
    def run(arguments: argparse.Namespace) -> Any:
        """Do the work; raise `UserError` for what the user can mend."""

    @staticmethod
    def show(document: Any) -> None:
        """Print the document for people."""


_LISTS = ("adapter.targets", "adapter.rank_pattern", "tracking.trackers")

COMMANDS: Registry[type[Command]] = Registry("command")


def add_set_option(parser: argparse.ArgumentParser) -> None:
    """Add `--set section.key=value`, any number of times."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="section.key=value",
        help="change one setting; may be repeated",
    )


def changes_of(pairs: list[str]) -> dict[str, Any]:
    """Return {"adapter.rank": "8"} for ["adapter.rank=8"]; commas split lists.

    Raises:
        UserError: A pair has no equals sign.
    """
    changes: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise UserError(f"--set {pair} has no value.", "Write --set section.key=value.")
        changes[key.strip()] = _parts(value) if key.strip() in _LISTS else value
    return changes


def _parts(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def settings_from(file: str, pairs: list[str]) -> RunSettings:
    """Load a run.toml and apply `--set`."""
    return load_settings(Path(file)).with_changes(changes_of(pairs))
