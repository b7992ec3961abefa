"""The shapes of data sets as people publish them, recognised by names and values together.

Each shape is a function that returns the roles, or None where the file is of another shape.
"""

import re
from collections.abc import Callable

from core.data.columns import Columns
from core.data.named_columns import named_roles
from core.data.questions import only, question
from core.data.roles import (
    ANSWER_COLUMNS,
    CHAT_COLUMNS,
    INPUT_COLUMNS,
    PROMPT_COLUMNS,
    SURE,
    TURNS,
    ColumnRoles,
    MappingQuestion,
    chat_roles,
    known,
    listed,
    question_roles,
)
from core.data.unfit import (
    judged,
    labelled,
    multiple_choice,
    nested,
    preference,
    tokens_or_pictures,
)
from core.settings import DataSettings

TEXT_COLUMNS = ("text", "content")
SEQUENCE_COLUMNS = ("sequence", "seq", "protein", "dna", "rna")
_LETTERS = re.compile(r"[A-Z*\-]+|[acgtun]+")
ENOUGH_ROWS = 5
"""A column that holds nothing in so many rows is not what was meant."""


def recognise(columns: Columns, settings: DataSettings) -> ColumnRoles:
    """Decide which column is what.

    Raises:
        MappingQuestion: Nothing fits, or too much does.
        UserError: A column named in the settings is missing, or such data cannot be trained here.
    """
    named = named_roles(columns, settings)
    if named is not None:
        return named
    roles = next(filter(None, (shape(columns) for shape in SHAPES)), None)
    if roles is None:
        raise question("No question and answer", columns)
    empty = [
        name for name, role in roles.role_of.items() if _is_needed_but_empty(columns, name, role)
    ]
    if roles.confidence < SURE or empty:
        why = f"Nothing stands in {listed(empty)}" if empty else "It is not clear what to learn"
        raise question(why, columns)
    return roles


def _is_needed_but_empty(columns: Columns, name: str, role: str) -> bool:
    is_needed = role in ("prompt", "answer", "text", "chat")
    column = columns[name]
    return is_needed and column.kind == "empty" and column.kinds.total() >= ENOUGH_ROWS


def _chat(columns: Columns) -> ColumnRoles | None:
    named = [n for n in known(CHAT_COLUMNS, columns) if columns[n].kind != "text"]
    filled = [name for name in named if columns[name].kind in TURNS]
    chats = filled or [
        n for n, c in columns.items() if c.kind in TURNS and n not in _split(columns)
    ]
    if len(chats) > 1:
        candidates = [chat_roles(columns, name) for name in chats]
        raise MappingQuestion(f"Several columns hold chats: {listed(chats)}.", candidates)
    if chats or (named and not known(PROMPT_COLUMNS, columns)):
        return chat_roles(columns, (chats or named)[0])
    return None


def _split(columns: Columns) -> list[str]:
    """Return the columns with turns where question and answer are lists of turns each."""
    prompts, answers = known(PROMPT_COLUMNS, columns), known(ANSWER_COLUMNS, columns)
    turns = [name for name in (*prompts, *answers) if columns[name].kind in TURNS]
    return turns if prompts and answers else []


def _question_and_answer(columns: Columns) -> ColumnRoles | None:
    answer = only(ANSWER_COLUMNS, columns)
    prompt = only(PROMPT_COLUMNS, columns) or (answer and _first_input(columns, answer))
    return question_roles(columns, prompt, answer) if prompt and answer else None


def _sequence(columns: Columns) -> ColumnRoles | None:
    names = [name for name in known(SEQUENCE_COLUMNS, columns) if columns[name].kind == "text"]
    if len(names) != 1:
        return None
    samples = [sample.strip() for sample in columns[names[0]].samples]
    is_sequence = all(_LETTERS.fullmatch(sample) for sample in samples)
    confidence = 1.0 if is_sequence else 0.5
    return ColumnRoles(format="sequence", role_of={names[0]: "text"}, confidence=confidence)


def _plain_text(columns: Columns) -> ColumnRoles | None:
    texts = known(TEXT_COLUMNS, columns)[:1]
    if not texts and len(columns) == 1:
        texts = [name for name, column in columns.items() if column.kind == "text"]
    others = known((*PROMPT_COLUMNS, *ANSWER_COLUMNS, *INPUT_COLUMNS), columns)
    confidence = 0.5 if others and others != texts else 1.0
    role_of = dict.fromkeys(texts, "text")
    return ColumnRoles(format="text", role_of=role_of, confidence=confidence) if texts else None


def _first_input(columns: Columns, answer: str) -> str:
    return next((name for name in known(INPUT_COLUMNS, columns) if name != answer), "")


SHAPES: tuple[Callable[[Columns], ColumnRoles | None], ...] = (
    tokens_or_pictures,
    preference,
    judged,
    multiple_choice,
    _chat,
    labelled,
    _question_and_answer,
    _sequence,
    _plain_text,
    nested,
)
