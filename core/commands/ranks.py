"""`rankscope ranks ADAPTER`: the singular values of what an adapter learned."""

import argparse
from pathlib import Path
from typing import Any, ClassVar

from core.commands.base import COMMANDS
from core.models.sources import open_model
from core.ranks import AdapterFiles, BaseWeights, check_base, to_document
from core.ranks.report import report


@COMMANDS.register("ranks")
class Ranks:
    """The command `ranks`."""

    summary: ClassVar[str] = "show the singular values of an adapter, against chance"

    @staticmethod
    def arguments(parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "adapter",
            metavar="ADAPTER",
            help="a run, a PEFT folder, or a safetensors file of Diffusers, kohya or LyCORIS",
        )
        parser.add_argument(
            "--base",
            metavar="MODEL",
            help="check that the adapter fits this base model, and compare the sizes with its",
        )
        parser.add_argument(
            "--start",
            metavar="ADAPTER",
            help="the adapter at step 0, for starts that change the base model (PiSSA, LoftQ, …)",
        )
        parser.add_argument(
            "--merged",
            metavar="ADAPTER",
            action="append",
            default=[],
            help="an adapter that was merged into the base before this one (ReLoRA); repeatable",
        )

    @staticmethod
    def run(arguments: argparse.Namespace) -> dict[str, Any]:
        """Return the spectra as a document."""
        base = open_model(arguments.base) if arguments.base else None
        path, others = Path(arguments.adapter), [Path(other) for other in arguments.merged]
        start = Path(arguments.start) if arguments.start else None
        files = AdapterFiles(path, base=base, start=start, earlier=others)
        spectra = files.spectra(list(files))
        if base is not None:
            check_base(spectra, base)
            weights = BaseWeights(base)
            if weights.at_hand:
                files = AdapterFiles(path, base=base, weights=weights, start=start, earlier=others)
                spectra = files.spectra(list(files))
        return to_document(spectra)

    @staticmethod
    def show(document: dict[str, Any]) -> None:
        """Print the report."""
        print(report(document))
