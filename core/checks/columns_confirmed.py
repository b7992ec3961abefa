"""Was it certain which column is what?"""

from core.checks.base import Finding, check
from core.checks.context import CheckContext
from core.data.roles import ANSWER_COLUMNS, CHAT_COLUMNS, PROMPT_COLUMNS
from core.data.table import RowTable

CERTAIN = {"chat": CHAT_COLUMNS, "prompt": PROMPT_COLUMNS, "answer": ANSWER_COLUMNS}
"""Names that leave no doubt about the role of a column."""
SETTINGS = {
    "prompt": "data.prompt_column",
    "answer": "data.answer_column",
    "chat": "data.answer_column",
}


@check("columns-confirmed", 12)
def columns_confirmed(context: CheckContext) -> Finding | None:
    """Warn where a column was taken for something by more than its name, and nobody said so."""
    table, data = context.table, context.settings.data
    if table is None:
        return None
    named = {data.prompt_column, data.answer_column}
    roles = {role: column for column, role in table.roles.items() if role in SETTINGS}
    if any(_is_guessed(role, column, named) for role, column in roles.items()):
        said = " and ".join(f"{column!r} as the {role}" for role, column in roles.items())
        changes = {SETTINGS[role]: column for role, column in roles.items()}
        return Finding(
            "warn",
            f"Nobody said which column is what; it reads {said}.{_example(table)}",
            "Confirm it if that looks right, or name other columns.",
            changes,
        )
    return Finding("ok", "It is certain which column is what.")


def _is_guessed(role: str, column: str, named: set[str]) -> bool:
    return column not in named and column.strip().lower() not in CERTAIN[role]


def _example(table: RowTable) -> str:
    """Return the first question and answer, as they will be read."""
    row = table.rows[0]
    if len(row) < 2:
        return ""
    question, answer = (" ".join(message.content.split())[:60] for message in row[-2:])
    return f" The first row asks “{question}” and is answered “{answer}”."
