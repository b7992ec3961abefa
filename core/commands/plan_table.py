"""`rankscope plan-table ROWS.csv --out PREDICTED.csv`: the planner against measured runs."""

import argparse
import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from core.commands.base import COMMANDS
from core.durable import replace_file
from core.errors import UserError
from core.memory.amounts import GIB
from core.memory.table import Prediction, predict, read_rows

ADDED = ("predicted_gib", "predicted_total_gib", "fits", "source", "why_not")
YES_OR_NO = {True: "true", False: "false", None: ""}


@COMMANDS.register("plan-table")
class PlanTable:
    """The command `plan-table`."""

    summary: ClassVar[str] = "predict the memory of every run in a table"

    @staticmethod
    def arguments(parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("rows", metavar="ROWS.csv", help="a table of measured runs")
        parser.add_argument(
            "--dry-run", action="store_true", help="trace a step of each; seconds per row"
        )
        parser.add_argument("--out", required=True, metavar="PREDICTED.csv", help="where to write")

    @staticmethod
    def run(arguments: argparse.Namespace) -> dict[str, Any]:
        """Write the table with its predictions; return how many rows have one.

        Raises:
            UserError: The table cannot be read, or the other one not be written.
        """
        rows, out = read_rows(Path(arguments.rows)), Path(arguments.out)
        predictions = [predict(row, dry=arguments.dry_run) for row in rows]
        told = [{**_kept(row.cells), **_cells(p)} for row, p in zip(rows, predictions, strict=True)]
        _write(out, told)
        predicted = sum(prediction.plan is not None for prediction in predictions)
        return {"rows": len(rows), "predicted": predicted, "out": str(out)}

    @staticmethod
    def show(document: dict[str, Any]) -> None:
        """Print what was written."""
        print(f"{document['predicted']} of {document['rows']} rows predicted: {document['out']}")


def _kept(cells: Mapping[str, str]) -> dict[str, str]:
    """Return the cells of a row; where it is from steps aside for where the prediction is from."""
    return {f"row_{name}" if name == "source" else name: cell for name, cell in cells.items()}


def _cells(found: Prediction) -> dict[str, str]:
    """Return the cells that are added to a row; empty ones and a reason where there is no plan."""
    if found.plan is None:
        return {**dict.fromkeys(ADDED, ""), "why_not": found.why_not}
    return {
        "predicted_gib": f"{found.plan.allocated_bytes / GIB:.4f}",
        "predicted_total_gib": f"{found.total_bytes / GIB:.4f}",
        "fits": YES_OR_NO[found.fits],
        "source": found.plan.source,
        "why_not": "",
    }


def _write(out: Path, rows: Sequence[Mapping[str, str]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else list(ADDED), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    try:
        replace_file(out, text.getvalue().encode())
    except OSError as error:
        raise UserError(
            f"{out} cannot be written: {error.strerror or error}.", "Choose another place."
        ) from None
