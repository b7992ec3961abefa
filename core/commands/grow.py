"""`rankscope grow ADAPTER --rank K --out DIR`: room for more directions, the same update."""

import argparse
import dataclasses
from pathlib import Path
from typing import Any, ClassVar

from core.commands.adapters import tell_written
from core.commands.base import COMMANDS
from core.commands.numbers import whole
from core.ranks.actions.draft import opened
from core.ranks.actions.layout import AsTrained
from core.ranks.actions.reshape import grown
from core.ranks.actions.write import write_adapter


@COMMANDS.register("grow")
class Grow:
    """The command `grow`."""

    summary: ClassVar[str] = "give an adapter a larger rank without changing what it does"

    @staticmethod
    def arguments(parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("adapter", metavar="ADAPTER", help="a PEFT folder or a run folder")
        parser.add_argument(
            "--rank", type=whole(1), required=True, metavar="K", help="of every module"
        )
        parser.add_argument("--out", required=True, metavar="DIR", help="the new folder")
        parser.add_argument(
            "--seed", type=whole(0), default=0, metavar="N", help="of the fresh rows of A (0)"
        )

    @staticmethod
    def run(arguments: argparse.Namespace) -> dict[str, Any]:
        """Write the larger adapter.

        Raises:
            UserError: The rank is not larger, or `--out` exists.
        """
        draft = grown(opened(Path(arguments.adapter)), arguments.rank, arguments.seed)
        return dataclasses.asdict(write_adapter(draft, Path(arguments.out), AsTrained()))

    @staticmethod
    def show(document: dict[str, Any]) -> None:
        """Say where it is."""
        print("\n".join(tell_written(document)))
