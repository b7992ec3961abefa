"""`rankscope merge ADAPTER ADAPTER … [--weights …] --out DIR [--energy T]`."""

import argparse
from pathlib import Path
from typing import Any, ClassVar

from core.commands.adapters import add_choice, add_out, tell_plan, tell_written, truncate, written
from core.commands.base import COMMANDS
from core.commands.numbers import number
from core.ranks.actions.draft import opened
from core.ranks.actions.merge import merge


@COMMANDS.register("merge")
class Merge:
    """The command `merge`."""

    summary: ClassVar[str] = "add adapters up exactly, then cut what is not needed"

    @staticmethod
    def arguments(parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("adapters", metavar="ADAPTER", nargs="+", help="PEFT folders or runs")
        parser.add_argument(
            "--weights", type=number(), nargs="+", metavar="W", help="one for each; any sign (1)"
        )
        add_choice(parser, required=False)
        add_out(parser)

    @staticmethod
    def run(arguments: argparse.Namespace) -> dict[str, Any]:
        """Tell how the adapters relate, plan, and write where `--out` says.

        Raises:
            UserError: An adapter cannot be read or merged, or `--out` exists.
        """
        drafts = [opened(Path(adapter)) for adapter in arguments.adapters]
        merger = merge(drafts, arguments.weights or [1.0] * len(drafts))
        document = {
            "adapters": list(merger.names),
            "weights": list(merger.weights),
            "norms": merger.norms.tolist(),
            "cosines": merger.cosines.tolist(),
        }
        options = (arguments.rank, arguments.energy, arguments.parameters)
        if any(option is not None for option in options):
            return document | truncate(merger.draft, arguments)
        return document | written(merger.draft, merger.everything(), arguments)

    @staticmethod
    def show(document: dict[str, Any]) -> None:
        """Print how they relate, the plan, and where the result is."""
        width = max(map(len, document["adapters"]))
        rows = zip(*(document[key] for key in _COLUMNS), strict=True)
        print(f"{'adapter':<{width}}  {'weight':>7}  {'‖w·ΔW‖':>8}  cosines")
        for name, weight, norm, cosines in rows:
            shown = "  ".join(f"{cosine:>6.3f}" for cosine in cosines)
            print(f"{name:<{width}}  {weight:>7g}  {norm:>8.3g}  {shown}")
        print()
        print("\n".join([*tell_plan(document), *tell_written(document["written"])]))


_COLUMNS = ("adapters", "weights", "norms", "cosines")
