"""`rankscope truncate ADAPTER --out DIR (--rank K | --energy T | --parameters N | --above C)`."""

import argparse
from pathlib import Path
from typing import Any, ClassVar

from core.commands.adapters import (
    add_choice,
    add_out,
    chosen,
    tell_plan,
    tell_written,
    written,
)
from core.commands.base import COMMANDS
from core.commands.numbers import number
from core.commands.worth import BY, floors_of, worth_of
from core.errors import UserError
from core.ranks.actions.draft import opened
from core.ranks.actions.plans import keep_above


@COMMANDS.register("truncate")
class Truncate:
    """The command `truncate`."""

    summary: ClassVar[str] = "make an adapter smaller, from its files alone"

    @staticmethod
    def arguments(parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("adapter", metavar="ADAPTER", help="a PEFT folder or a run folder")
        choice = add_choice(parser, required=True)
        choice.add_argument(
            "--above", type=number(0), metavar="C", help="σ to keep, as a share of ‖W₀‖"
        )
        parser.add_argument(
            "--by",
            choices=BY,
            default="weights",
            help="what --energy and --parameters go by: σ², how the data of the run use each "
            "direction, or by how much the loss would begin to change (with --parameters)",
        )
        add_out(parser)

    @staticmethod
    def run(arguments: argparse.Namespace) -> dict[str, Any]:
        """Plan, and write where `--out` says.

        Raises:
            UserError: There is no adapter, it has not that rank or was not measured, or `--out`
                exists.
        """
        path, by = Path(arguments.adapter), arguments.by
        draft = opened(path)
        if arguments.above is not None:
            floors, how = floors_of(path, arguments.above), f"σ above {arguments.above:g}·‖W₀‖"
            return written(draft, keep_above(draft.spectra(), floors, how), arguments)
        if by != "weights" and (arguments.rank or (by == "sensitivity" and arguments.energy)):
            raise UserError(f"--by {by} has no effect here.", "Give --parameters with it.")
        return written(draft, chosen(draft.spectra(), arguments, worth_of(path, by)), arguments)

    @staticmethod
    def show(document: dict[str, Any]) -> None:
        """Print the plan and where the result is."""
        print("\n".join([*tell_plan(document), *tell_written(document["written"])]))
