"""Are there empty answers, or rows that stand in the data more than once?"""

from core.checks.base import Finding, check
from core.checks.context import CheckContext
from core.data.table import RowTable


@check("rows-whole", 13)
def rows_whole(context: CheckContext) -> Finding | None:
    """Warn of empty answers and of exact duplicates."""
    table = context.table
    if table is None:
        return None
    empty = _empty_answers(table)
    copies = len(table) - len(set(table.rows))
    if empty:
        message = f"{empty:,} of {len(table):,} rows have an empty answer."
        return Finding("warn", message, "Remove these rows: they teach the model to say nothing.")
    if copies:
        message = f"{copies:,} of {len(table):,} rows repeat another row exactly."
        return Finding("warn", message, "Remove them, unless they are meant to count twice.")
    return Finding("ok", "No empty answers, no repeated rows.")


def _empty_answers(table: RowTable) -> int:
    learned = ("assistant", "text")
    return sum(any(m.role in learned and not m.content.strip() for m in row) for row in table.rows)
