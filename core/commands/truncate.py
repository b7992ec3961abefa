"""`rankscope truncate ADAPTER --out DIR (--rank K | --energy T | --parameters N)`."""

import argparse
from pathlib import Path
from typing import Any, ClassVar

from core.commands.adapters import add_choice, add_out, tell_plan, tell_written, truncate
from core.commands.base import COMMANDS
from core.ranks.actions.draft import opened


@COMMANDS.register("truncate")
class Truncate:
    """The command `truncate`."""

    summary: ClassVar[str] = "make an adapter smaller, from its files alone"

    @staticmethod
    def arguments(parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("adapter", metavar="ADAPTER", help="a PEFT folder or a run folder")
        add_choice(parser, required=True)
        add_out(parser)

    @staticmethod
    def run(arguments: argparse.Namespace) -> dict[str, Any]:
        """Plan, and write where `--out` says.

        Raises:
            UserError: There is no adapter, it has not that rank, or `--out` exists.
        """
        return truncate(opened(Path(arguments.adapter)), arguments)

    @staticmethod
    def show(document: dict[str, Any]) -> None:
        """Print the plan and where the result is."""
        print("\n".join([*tell_plan(document), *tell_written(document["written"])]))
