"""Fill the table of docs/reliability.md from what the full proofs left in build/proof/*.json.

    python scripts/proof_report.py

A proof that has not been run here since the folder was cleared keeps its row: only new results
replace old ones. Nobody types a result by hand.
"""

import json
import re
import sys
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reliability.md"
RESULTS = ROOT / "build" / "proof"
BEGIN, END = "<!-- results: begin -->\n", "<!-- results: end -->\n"
HEAD = "| Proof | Passed | Of | Date | Detail |\n|---|---|---|---|---|\n"


def main() -> int:
    """Rewrite the table and tell how many rows are new."""
    page = PAGE.read_text("utf-8")
    before, rest = page.split(BEGIN)
    table, after = rest.split(END)
    rows = {
        match[1]: match[0] for match in re.finditer(r"^\| (\w[\w-]*\d[\w-]*) .*\|$", table, re.M)
    }
    new = {file.stem: row(file) for file in sorted(RESULTS.glob("*.json"))}
    rows |= new
    lines = "".join(f"{rows[name]}\n" for name in sorted(rows, key=place))
    PAGE.write_text(before + BEGIN + HEAD + lines + END + after, "utf-8")
    print(f"{len(new)} results written to {PAGE.relative_to(ROOT)}")
    return 0


def row(file: Path) -> str:
    """Return the row of one result; its date is that of the file."""
    result = json.loads(file.read_text("utf-8"))
    day = date.fromtimestamp(file.stat().st_mtime)
    cells = (result["id"], f"{result['passed']:,}", f"{result['of']:,}", str(day), result["detail"])
    return "| " + " | ".join(cells) + " |"


def place(name: str) -> tuple[int, int, str]:
    """Return what puts R before D and S, R2 before R10, and a control after its proof."""
    letter, number, more = re.fullmatch(r"(\D+)(\d+)(.*)", name).groups()  # type: ignore[union-attr]
    return ("RDS".find(letter), int(number), more)


if __name__ == "__main__":
    sys.exit(main())
