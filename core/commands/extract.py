"""`rankscope extract BASE TUNED --rank K --out DIR`: a LoRA from two models."""

import argparse
from typing import Any, ClassVar

from core.commands.adapters import add_out, tell_written
from core.commands.base import COMMANDS
from core.commands.extraction import extraction_document, tell_extraction
from core.models.sources import open_model
from core.ranks.actions.extract import extract, finished


@COMMANDS.register("extract")
class Extract:
    """The command `extract`."""

    summary: ClassVar[str] = "make a LoRA of what full fine-tuning changed in a model"

    @staticmethod
    def arguments(parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("base", metavar="BASE", help="the model before: a folder or a hub id")
        parser.add_argument("tuned", metavar="TUNED", help="the model after")
        parser.add_argument("--rank", type=int, required=True, metavar="K", help="of every module")
        parser.add_argument(
            "--energy",
            type=float,
            default=1.0,
            metavar="T",
            help="share of ‖ΔW‖² that is enough: modules may then have fewer directions (1)",
        )
        add_out(parser)

    @staticmethod
    def run(arguments: argparse.Namespace) -> dict[str, Any]:
        """Read both models matrix by matrix, and write where `--out` says.

        Raises:
            UserError: A model is not at hand, they do not fit each other, or `--out` exists.
        """
        base, tuned = open_model(arguments.base), open_model(arguments.tuned)
        found = finished(extract(base, tuned, arguments.rank, arguments.energy))
        return extraction_document(found, arguments)

    @staticmethod
    def show(document: dict[str, Any]) -> None:
        """Print how well it was met and where it is."""
        print("\n".join([*tell_extraction(document), *tell_written(document["written"])]))
