"""What to ask where nobody but the user can tell which column is what."""

from itertools import product

from core.data.columns import Columns
from core.data.roles import (
    ANSWER_COLUMNS,
    PROMPT_COLUMNS,
    SAYABLE,
    MappingQuestion,
    known,
    listed,
    question_roles,
    text_roles,
)

CANDIDATES = 4
ABOUT_THE_ROW = ("id", "uuid", "url", "path", "file", "date", "source", "lang", "language", "split")
"""Names of columns that nobody asks or answers."""


def only(names: tuple[str, ...], columns: Columns) -> str:
    """Return the column that is called like one of `names`, "" for none.

    Raises:
        MappingQuestion: There are several.
    """
    found = known(names, columns)
    if len(found) > 1:
        raise question(f"More than one column could be meant: {listed(found)}", columns)
    return found[0] if found else ""


def question(why: str, columns: Columns) -> MappingQuestion:
    """Return the question which column is what, with the likeliest answers."""
    said = [name for name, column in columns.items() if column.kind in SAYABLE]
    texts = [name for name in said if not _is_about_the_row(name)] or said
    answers = [name for name in known(ANSWER_COLUMNS, columns) if name in texts] or texts[::-1]
    prompts = [name for name in known(PROMPT_COLUMNS, columns) if name in texts] or texts
    pairs = [pair for pair in product(prompts, answers) if pair[0] != pair[1]]
    guesses = [question_roles(columns, *pair) for pair in pairs]
    if len(texts) == 1 and not known(PROMPT_COLUMNS, columns):
        guesses = [text_roles(texts[0])]
    message = f"{why}: the columns are {listed(tuple(columns))}."
    return MappingQuestion(message, guesses[:CANDIDATES])


def _is_about_the_row(name: str) -> bool:
    return name.strip().lower() in ABOUT_THE_ROW or name.strip().lower().endswith("_id")
