"""`rankscope convert ADAPTER [--base MODEL] [--start STEP_0] --out DIR`: any adapter as a LoRA."""

import argparse
from pathlib import Path
from typing import Any, ClassVar

from core.commands.adapters import add_choice, add_out, tell_plan, tell_written, truncate
from core.commands.base import COMMANDS
from core.commands.extraction import extraction_document, tell_extraction
from core.errors import UserError
from core.models.sources import open_model
from core.ranks.actions.draft import opened
from core.ranks.actions.extract import convert_dora, finished, is_dora


@COMMANDS.register("convert")
class Convert:
    """The command `convert`."""

    summary: ClassVar[str] = "turn a DoRA, LoHa, LoKr, AdaLoRA, VeRA or PiSSA adapter into a LoRA"

    @staticmethod
    def arguments(parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("adapter", metavar="ADAPTER", help="a folder, a run or a file")
        parser.add_argument("--base", metavar="MODEL", help="its base model: for DoRA and VeRA")
        parser.add_argument(
            "--start", metavar="STEP_0", help="of PiSSA and its like: the adapter as it began"
        )
        add_choice(parser, required=False)
        add_out(parser)

    @staticmethod
    def run(arguments: argparse.Namespace) -> dict[str, Any]:
        """Convert exactly where there are factors, else to the rank that is asked for.

        Raises:
            UserError: The adapter has no factors and no base was named, or `--out` exists.
        """
        path = Path(arguments.adapter)
        start = Path(arguments.start) if arguments.start else None
        base = open_model(arguments.base) if arguments.base else None
        if not is_dora(path):
            return truncate(opened(path, start=start, base=base), arguments)
        if base is None or arguments.rank is None:
            raise UserError(
                f"{path.name} is a DoRA adapter: with its base it changes W in full rank.",
                "Name the base and the rank to keep, such as twice that of the adapter: "
                "--base MODEL --rank K.",
            )
        found = finished(convert_dora(path, base, arguments.rank))
        return extraction_document(found, arguments)

    @staticmethod
    def show(document: dict[str, Any]) -> None:
        """Print how exact it is and where it is."""
        tell = tell_plan if "how" in document else tell_extraction
        print("\n".join([*tell(document), *tell_written(document["written"])]))
