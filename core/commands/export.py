"""`rankscope export RUN_OR_ADAPTER --to FORMAT --out PATH`."""

import argparse
import dataclasses
from pathlib import Path
from typing import Any, ClassVar

from core.commands.adapters import tell_written
from core.commands.base import COMMANDS
from core.exporters import EXPORTERS


@COMMANDS.register("export")
class Export:
    """The command `export`."""

    summary: ClassVar[str] = "write a run or an adapter in a format for another program"

    @staticmethod
    def arguments(parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        formats = "; ".join(f"{name}: {EXPORTERS[name].summary}" for name in EXPORTERS)
        parser.add_argument("source", metavar="RUN_OR_ADAPTER", help="a run or a PEFT folder")
        parser.add_argument("--to", required=True, choices=list(EXPORTERS), help=formats)
        parser.add_argument("--out", required=True, metavar="PATH", help="a new path")

    @staticmethod
    def run(arguments: argparse.Namespace) -> dict[str, Any]:
        """Write it.

        Raises:
            UserError: There is no adapter, `--out` exists, or the format cannot hold it.
        """
        exporter = EXPORTERS[arguments.to]()
        written = exporter.export(Path(arguments.source), Path(arguments.out))
        return {"format": arguments.to, **dataclasses.asdict(written)}

    @staticmethod
    def show(document: dict[str, Any]) -> None:
        """Say where it is."""
        print("\n".join(tell_written(document)))
