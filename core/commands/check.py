"""`rankscope check RUN.toml`: the preflight list.

The exit code is 0 whatever the levels are: the command has done its work. A run with a "block"
would fail when it is trained.
"""

import argparse
from typing import Any, ClassVar

from core.commands.base import COMMANDS, add_set_option, settings_from
from core.commands.jobs import reply_of
from core.jobs.check import Check as CheckJob
from core.jobs.check import CheckRequest


@COMMANDS.register("check")
class Check:
    """The command `check`."""

    summary: ClassVar[str] = "look for what would go wrong, before it does"

    @staticmethod
    def arguments(parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("file", metavar="RUN.toml", help="settings of the run")
        add_set_option(parser)

    @staticmethod
    def run(arguments: argparse.Namespace) -> dict[str, Any]:
        """Run all checks.

        Raises:
            UserError: The settings cannot be read.
        """
        settings = settings_from(arguments.file, arguments.set)
        return reply_of(CheckJob(), CheckRequest(settings=settings))

    @staticmethod
    def show(document: dict[str, Any]) -> None:
        """Print one check per line, with its fix below."""
        for check in document["checks"]:
            print(f"{check['level']:5}  {check['id']:15}  {check['message']}")
            if check["fix"]:
                print(f"{'':24}→ {check['fix']}")
