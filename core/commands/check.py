"""`rankscope check RUN.toml`: the preflight list.

The exit code is 0 whatever the levels are: the command has done its work. A run with a "block"
would fail when it is trained.
"""

import argparse
import sys
from typing import Any, ClassVar

from core.checks import RehearsalFacts
from core.commands.base import COMMANDS, add_set_option, settings_from
from core.commands.jobs import reply_of
from core.jobs.check import Check as CheckJob
from core.jobs.check import CheckRequest
from core.jobs.rehearse import Rehearse, RehearseRequest


@COMMANDS.register("check")
class Check:
    """The command `check`."""

    summary: ClassVar[str] = "look for what would go wrong, before it does"

    @staticmethod
    def arguments(parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("file", metavar="RUN.toml", help="settings of the run")
        parser.add_argument(
            "--try",
            action="store_true",
            dest="rehearse",
            help="do once all that the run will do: two steps on the longest rows, an evaluation, "
            "save and reload",
        )
        add_set_option(parser)

    @staticmethod
    def run(arguments: argparse.Namespace) -> dict[str, Any]:
        """Run all checks.

        Raises:
            UserError: The settings cannot be read.
        """
        settings = settings_from(arguments.file, arguments.set)
        rehearsal = None
        if arguments.rehearse:
            done = reply_of(Rehearse(), RehearseRequest(settings=settings), _say)
            rehearsal = RehearsalFacts(**done["rehearsal"])
        return reply_of(CheckJob(), CheckRequest(settings=settings, rehearsal=rehearsal))

    @staticmethod
    def show(document: dict[str, Any]) -> None:
        """Print one check per line, with its fix below."""
        for check in document["checks"]:
            print(f"{check['level']:5}  {check['id']:17}  {check['message']}")
            if check["fix"]:
                print(f"{'':26}→ {check['fix']}")


def _say(message: str) -> None:
    """Show on a terminal what is being done, for half a minute of silence is long."""
    if sys.stderr.isatty():
        print(f"{message} …", file=sys.stderr)
