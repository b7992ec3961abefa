"""`rankscope ranks ADAPTER [--base MODEL]`: the singular values of what an adapter learned."""

import argparse
from pathlib import Path
from typing import Any, ClassVar

from core.commands.base import COMMANDS
from core.models.sources import open_model
from core.ranks import adapter_spectra, check_base, to_document
from core.ranks.report import report


@COMMANDS.register("ranks")
class Ranks:
    """The command `ranks`."""

    summary: ClassVar[str] = "show the singular values of an adapter, against chance"

    @staticmethod
    def arguments(parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("adapter", metavar="ADAPTER", help="a PEFT folder or a run folder")
        parser.add_argument(
            "--base", metavar="MODEL", help="check that the adapter fits this base model"
        )

    @staticmethod
    def run(arguments: argparse.Namespace) -> dict[str, Any]:
        """Return the spectra as a document."""
        spectra = adapter_spectra(Path(arguments.adapter))
        if arguments.base:
            check_base(spectra, open_model(arguments.base))
        return to_document(spectra)

    @staticmethod
    def show(document: dict[str, Any]) -> None:
        """Print the report."""
        print(report(document))
