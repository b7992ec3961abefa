"""Score the memory planner on measured runs, beside other estimators.

    python scripts/bench_memory.py [ROWS.csv] [--write]

Without a table it takes the public rows that the tests use. A dry run takes seconds per row, so it
is for the exact rows (tier A) alone. `--write` also holds formulas and dry run against each other,
over a matrix of models and settings.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the matrix is one of the tests

from core.memory.table import predict, read_rows  # noqa: E402
from memory.agreement import agreement  # noqa: E402
from memory.report import EXACT, dry_report, report, write  # noqa: E402
from memory.scores import Scored  # noqa: E402

ROWS = ROOT / "tests" / "core" / "memory" / "measured_rows.csv"


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Score the memory planner on measured runs.")
    parser.add_argument("rows", nargs="?", type=Path, default=ROWS)
    parser.add_argument("--write", action="store_true", help="also into docs/memory.md")
    arguments = parser.parse_args()
    rows = [row for row in read_rows(arguments.rows) if row.text("complete") != "no"]
    exact = [row for row in rows if row.text("tier") == EXACT]
    text = report([Scored.of(row, predict(row)) for row in rows])
    dry = dry_report([Scored.of(row, predict(row, dry=True)) for row in exact])
    print(text, dry, sep="\n\n")
    if arguments.write:
        page, compared = ROOT / "docs" / "memory.md", agreement()
        print(compared)
        for name, tables in (("scores", text), ("dry run", dry), ("agreement", compared)):
            write(page, name, tables)
    return 0


if __name__ == "__main__":
    sys.exit(main())
