"""`rankscope compare ADAPTER ADAPTER`: cosine, subspaces against chance, difference spectrum."""

import argparse
from pathlib import Path
from typing import Any, ClassVar

from core.commands.base import COMMANDS
from core.ranks.actions.compare import compare
from core.ranks.actions.compare_report import report, to_document
from core.ranks.actions.draft import opened


@COMMANDS.register("compare")
class Compare:
    """The command `compare`."""

    summary: ClassVar[str] = "tell how far two adapters point the same way, against chance"

    @staticmethod
    def arguments(parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        for name in ("first", "second"):
            parser.add_argument(name, metavar="ADAPTER", help="a PEFT folder or a run folder")

    @staticmethod
    def run(arguments: argparse.Namespace) -> dict[str, Any]:
        """Return the comparison as a document.

        Raises:
            UserError: An adapter cannot be read, or the two have nothing in common.
        """
        first, second = opened(Path(arguments.first)), opened(Path(arguments.second))
        return to_document(compare(first, second))

    @staticmethod
    def show(document: dict[str, Any]) -> None:
        """Print the report."""
        print(report(document))
