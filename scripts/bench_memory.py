"""Score the memory planner on measured runs, beside other estimators.

    python scripts/bench_memory.py [ROWS.csv] [--write]

Without a table it takes the public rows that the tests use.
"""

import argparse
import sys
from pathlib import Path

from core.memory.table import predict, read_rows
from memory.report import report, write
from memory.scores import Scored

ROOT = Path(__file__).resolve().parent.parent
ROWS = ROOT / "tests" / "core" / "memory" / "measured_rows.csv"


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Score the memory planner on measured runs.")
    parser.add_argument("rows", nargs="?", type=Path, default=ROWS)
    parser.add_argument("--write", action="store_true", help="also into docs/memory.md")
    arguments = parser.parse_args()
    rows = [row for row in read_rows(arguments.rows) if row.text("complete") != "no"]
    text = report([Scored.of(row, predict(row)) for row in rows])
    print(text)
    if arguments.write:
        write(ROOT / "docs" / "memory.md", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
