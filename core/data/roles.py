"""Which column is what: recognised from whole names and from values, or named in the settings.

Names are compared whole, never by a part: a rule that found "text" inside "context" once made the
passage of every row the question.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.data.readers import Record
from core.errors import UserError
from core.settings import DataSettings

CHAT_COLUMNS = ("messages", "conversations", "conversation", "chat")
PROMPT_COLUMNS = ("prompt", "question", "instruction", "query")
INPUT_COLUMNS = ("input", "context")
ANSWER_COLUMNS = ("completion", "response", "answer", "output")
SYSTEM_COLUMN = "system"
TEXT_COLUMN = "text"
CHAT_KEYS = (("role", "content"), ("from", "value"))
"""Names of speaker and words inside a chat: those of most tools, and those of ShareGPT."""

SHOWN_COLUMNS = 20
NAME_THEM = "Name the columns with data.prompt_column and data.answer_column."


@dataclass(frozen=True, kw_only=True)
class ColumnRoles:
    """What each column is used as.

    Attributes:
        format: "chat", "sharegpt", "alpaca", "prompt-answer" or "text".
        role_of: Column to "chat", "system", "prompt", "input", "answer" or "text".
    """

    format: str
    role_of: Mapping[str, str] = field(default_factory=dict)

    def column(self, role: str) -> str:
        """Return the column with that role, "" for none."""
        return next((name for name, used_as in self.role_of.items() if used_as == role), "")


def recognise(record: Record, settings: DataSettings) -> ColumnRoles:
    """Decide from the first row of a file which column is what.

    Raises:
        UserError: A column named in the settings is missing, or nothing fits, or too much does.
    """
    columns = tuple(record.values)
    for named in (settings.prompt_column, settings.answer_column):
        if named and named not in columns:
            raise _missing(named, columns)
    chat = _chat_column(record, settings)
    if chat:
        return _chat_roles(chat, record)
    if settings.answer_column and not (settings.prompt_column or _known(PROMPT_COLUMNS, columns)):
        return ColumnRoles(format="text", role_of={settings.answer_column: "text"})
    prompt = settings.prompt_column or _only(PROMPT_COLUMNS, columns)
    answer = settings.answer_column or _only(ANSWER_COLUMNS, columns)
    inputs = [name for name in _known(INPUT_COLUMNS, columns) if name not in (prompt, answer)]
    if answer and not prompt and inputs:
        prompt = inputs.pop(0)
    if prompt and answer:
        return _question_roles(prompt, answer, inputs[:1], columns)
    text = _known((TEXT_COLUMN,), columns)
    if text and not settings.prompt_column:
        return ColumnRoles(format="text", role_of={text[0]: "text"})
    raise UserError(f"No question and answer among the columns {_listed(columns)}.", NAME_THEM)


def _question_roles(
    prompt: str, answer: str, inputs: list[str], columns: tuple[str, ...]
) -> ColumnRoles:
    if prompt == answer:
        raise UserError(f"{prompt!r} cannot be both question and answer.", NAME_THEM)
    role_of = dict.fromkeys(_known((SYSTEM_COLUMN,), columns), "system")
    role_of |= dict.fromkeys(inputs, "input")
    role_of |= {prompt: "prompt", answer: "answer"}
    return ColumnRoles(format="alpaca" if inputs else "prompt-answer", role_of=role_of)


def _chat_roles(column: str, record: Record) -> ColumnRoles:
    sharegpt = _holds_chat(record.values[column], CHAT_KEYS[1:])
    return ColumnRoles(format="sharegpt" if sharegpt else "chat", role_of={column: "chat"})


def chat_keys(turn: Any) -> tuple[str, str] | None:
    """Return the keys of speaker and words in a turn, None if it names no speaker."""
    if not isinstance(turn, dict):
        return None
    return next((keys for keys in CHAT_KEYS if keys[0] in turn), None)


def _holds_chat(value: Any, keys: tuple[tuple[str, str], ...] = CHAT_KEYS) -> bool:
    """Tell by its value whether a column holds chats."""
    if not isinstance(value, list) or not value or not isinstance(value[0], dict):
        return False
    return any(set(pair) <= set(value[0]) for pair in keys)


def _chat_column(record: Record, settings: DataSettings) -> str:
    """Return the column with chats: named, or called so, or the only one that looks so."""
    named = settings.answer_column or settings.prompt_column
    if named:
        return named if _holds_chat(record.values[named]) else ""
    known = _known(CHAT_COLUMNS, tuple(record.values))
    if known:
        return known[0]
    chats = [name for name, value in record.values.items() if _holds_chat(value)]
    if len(chats) > 1:
        raise UserError(
            f"Several columns hold chats: {_listed(tuple(chats))}.",
            "Name the one to learn from with data.answer_column.",
        )
    return chats[0] if chats else ""


def _known(names: tuple[str, ...], columns: tuple[str, ...]) -> list[str]:
    """Return the columns that are called like one of `names`, whatever their case."""
    return [column for name in names for column in columns if column.strip().lower() == name]


def _only(names: tuple[str, ...], columns: tuple[str, ...]) -> str:
    found = _known(names, columns)
    if len(found) > 1:
        raise UserError(f"More than one column could be meant: {_listed(tuple(found))}.", NAME_THEM)
    return found[0] if found else ""


def _missing(named: str, columns: tuple[str, ...]) -> UserError:
    near = difflib.get_close_matches(named, columns, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return UserError(
        f"There is no column called {named!r}.", f"{hint}The file has {_listed(columns)}."
    )


def _listed(columns: tuple[str, ...]) -> str:
    more = len(columns) - SHOWN_COLUMNS
    names = ", ".join(f"{str(name)!r:.60}" for name in columns[:SHOWN_COLUMNS])
    return f"{names} and {more} more" if more > 0 else names or "(none)"
