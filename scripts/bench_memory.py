"""Score the memory planner on measured runs, beside other estimators.

    python scripts/bench_memory.py [ROWS.csv] [--write] [--dry-run]

Without a table it takes the public rows that the tests use. A dry run takes seconds per row, so it
is for the exact rows (tier A) alone.
"""

import argparse
import sys
from pathlib import Path

from core.memory.table import predict, read_rows
from memory.report import EXACT, report, write
from memory.scores import Scored

ROOT = Path(__file__).resolve().parent.parent
ROWS = ROOT / "tests" / "core" / "memory" / "measured_rows.csv"


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Score the memory planner on measured runs.")
    parser.add_argument("rows", nargs="?", type=Path, default=ROWS)
    parser.add_argument("--write", action="store_true", help="also into docs/memory.md")
    parser.add_argument("--dry-run", action="store_true", help="trace a step of each exact row")
    arguments = parser.parse_args()
    rows = [row for row in read_rows(arguments.rows) if row.text("complete") != "no"]
    if arguments.dry_run:
        rows = [row for row in rows if row.text("tier") == EXACT]
    text = report([Scored.of(row, predict(row, dry=arguments.dry_run)) for row in rows])
    print(text)
    if arguments.write and not arguments.dry_run:
        write(ROOT / "docs" / "memory.md", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
