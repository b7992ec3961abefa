"""`rankscope runs`: the run library."""

import argparse
from typing import Any, ClassVar

from core.commands.base import COMMANDS
from core.paths import runs_dir
from core.run_folder import RunFolder, list_runs, started_at


@COMMANDS.register("runs")
class Runs:
    """The command `runs`."""

    summary: ClassVar[str] = "list all runs, newest first"

    @staticmethod
    def arguments(parser: argparse.ArgumentParser) -> None:
        """There are none."""

    @staticmethod
    def run(arguments: argparse.Namespace) -> dict[str, Any]:
        """Return the state of every run."""
        return {"folder": str(runs_dir()), "runs": [_row(run) for run in list_runs(runs_dir())]}

    @staticmethod
    def show(document: dict[str, Any]) -> None:
        """Print one line per run."""
        if not document["runs"]:
            print(f"No runs yet in {document['folder']}. `rankscope new` begins one.")
            return
        print(f"{'run':30} {'state':12} {'step':>11}  {'loss before → best':20} started")
        for row in document["runs"]:
            steps = f"{row['step']}/{row['total_steps']}"
            losses = " → ".join(_loss(row[key]) for key in ("first_loss", "best_loss"))
            print(f"{row['name']:30} {row['phase']:12} {steps:>11}  {losses:20} {row['started']}")


def _row(run: RunFolder) -> dict[str, Any]:
    state = run.state()
    return {
        "name": run.path.name,
        "path": str(run.path),
        "phase": state.phase,
        "step": state.step,
        "total_steps": state.total_steps,
        "first_loss": state.first_loss,
        "best_loss": state.best_loss,
        "adapter": str(run.adapter_dir) if run.adapter_dir.is_dir() else "",
        "started": started_at(run).isoformat(sep=" ", timespec="minutes"),
    }


def _loss(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
