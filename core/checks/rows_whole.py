"""Are there empty answers, or rows that stand in the data more than once?"""

from core.checks.base import Finding, check
from core.checks.context import CheckContext
from core.data.table import Message, RowTable


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
    return sum(any(map(_says_nothing, row)) for row in table.rows)


def _says_nothing(message: Message) -> bool:
    """Tell whether an answer is empty; one that calls a tool needs no words."""
    learned = message.role in ("assistant", "text")
    return learned and not message.content.strip() and not message.extras
