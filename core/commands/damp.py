"""`rankscope damp RUN --strength L --out DIR`: weakens intruder dimensions, without training."""

import argparse
from typing import Any, ClassVar

from core.commands.base import COMMANDS
from core.commands.model_jobs import followed, settings_of
from core.errors import UserError
from core.jobs.damp import Damp as DampJob
from core.jobs.damp import DampRequest


@COMMANDS.register("damp")
class Damp:
    """The command `damp`."""

    summary: ClassVar[str] = "weaken the intruder dimensions of an adapter"

    @staticmethod
    def arguments(parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("adapter", metavar="RUN", help="a run folder or a PEFT folder")
        parser.add_argument("--base", metavar="MODEL", help="base model of a PEFT folder")
        parser.add_argument(
            "--strength",
            type=float,
            default=0.75,
            metavar="L",
            help="the share of their size that intruders keep, 0 to 1 (0.75)",
        )
        parser.add_argument("--out", metavar="DIR", required=True, help="the new folder")

    @staticmethod
    def run(arguments: argparse.Namespace) -> dict[str, Any]:
        """Damp, write, and tell what was written.

        Raises:
            UserError: The adapter or its base cannot be read, or `--out` exists.
            KeyboardInterrupt: It was asked to stop; nothing is written.
        """
        if not 0 <= arguments.strength <= 1:
            raise UserError(
                f"--strength {arguments.strength:g} is not between 0 and 1.",
                "1 leaves intruders as they are, 0 takes them out.",
            )
        request = DampRequest(
            adapter=arguments.adapter,
            settings=settings_of(arguments.adapter, arguments.base),
            strength=arguments.strength,
            out=arguments.out,
        )
        return followed(DampJob(), request)

    @staticmethod
    def show(document: dict[str, Any]) -> None:
        """Print what was written, and what the refit left behind."""
        print(
            f"{document['intruders']} intruder dimensions in {document['modules']} modules, "
            f"damped in {document['path']}."
        )
        if document["intruders"]:
            print(f"Refitted to the same rank; left behind: {document['residual']:.2%} of ‖ΔW‖.")
        print("What it forgets and what it loses: rankscope evidence RUN --measure losses --damp L")
