"""`rankscope retrain RUN (--rank K | --energy T | --parameters N) --out RUN.toml`."""

import argparse
from pathlib import Path
from typing import Any, ClassVar

from core.commands.adapters import add_choice, chosen, plan_document, tell_plan
from core.commands.base import COMMANDS
from core.commands.new import write_new
from core.models.sources import open_model
from core.ranks.actions.draft import opened
from core.ranks.actions.retrain import retrained
from core.run_folder import RunFolder


@COMMANDS.register("retrain")
class Retrain:
    """The command `retrain`."""

    summary: ClassVar[str] = "write the run.toml of a run at the ranks that its adapter needs"

    @staticmethod
    def arguments(parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("run", metavar="RUN", help="a run folder with an adapter")
        add_choice(parser, required=True)
        parser.add_argument("--out", required=True, metavar="RUN.toml", help="the new file")

    @staticmethod
    def run(arguments: argparse.Namespace) -> dict[str, Any]:
        """Plan the ranks and write the settings.

        Raises:
            UserError: There is no run or no adapter in it, or `--out` exists.
        """
        run = RunFolder.open(Path(arguments.run))
        draft = opened(run.path)
        plan = chosen(draft.spectra(), arguments)
        grid = open_model(run.settings.model.source).grid
        settings = retrained(run.settings, plan.ranks, grid)
        return plan_document(draft, plan) | write_new(settings, Path(arguments.out))

    @staticmethod
    def show(document: dict[str, Any]) -> None:
        """Print the plan, where the file is and what to do next."""
        print("\n".join(tell_plan(document)))
        print(f"Wrote {document['path']}")
        print(f"Next: rankscope train {document['path']}")
