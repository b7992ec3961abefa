"""From one row of a file to a conversation, checked value by value."""

from typing import Any

from core.data.readers import Record
from core.data.readers.base import kind_of
from core.data.roles import ColumnRoles, chat_keys
from core.data.table import TEXT_ROLE, Conversation, Message
from core.errors import UserError

SPEAKERS = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "tool": "tool",
}
"""Names of speakers in the wild, and the role that chat templates know."""


def conversation_of(record: Record, roles: ColumnRoles) -> Conversation:
    """Return the conversation in `record`.

    Raises:
        UserError: A value is missing or of a wrong type; the message names row and column.
    """
    if roles.format in ("chat", "sharegpt"):
        return _chat(record, roles.column("chat"))
    if roles.format == "text":
        return (Message(TEXT_ROLE, _text(record, roles.column("text"))),)
    messages = [
        Message("user", _prompt(record, roles)),
        Message("assistant", _text(record, roles.column("answer"))),
    ]
    system = _optional(record, roles.column("system"))
    if system.strip():
        messages.insert(0, Message("system", system))
    return tuple(messages)


def _prompt(record: Record, roles: ColumnRoles) -> str:
    prompt = _text(record, roles.column("prompt"))
    more = _optional(record, roles.column("input"))
    return f"{prompt}\n\n{more}" if more.strip() else prompt


def _optional(record: Record, column: str) -> str:
    """Return "" where the column, or its value in this row, is missing."""
    return _text(record, column) if record.values.get(column) is not None else ""


def _text(record: Record, column: str) -> str:
    if column not in record.values:
        raise _wrong(record, column, "is missing", "Every row needs this column.")
    return _checked_text(record.values[column], record, column)


def _checked_text(value: Any, record: Record, column: str) -> str:
    if not isinstance(value, str):
        reason = f"is {kind_of(value)}, but must be text"
        raise _wrong(record, column, reason, "Put the value in quotes, or remove the row.")
    return value


def _chat(record: Record, column: str) -> Conversation:
    turns = record.values.get(column)
    if not isinstance(turns, list) or not turns:
        reason = "is empty" if turns == [] else f"is {kind_of(turns)}, but must be a list of turns"
        raise _wrong(record, column, reason, 'Write [{"role": "user", "content": "…"}, …].')
    return tuple(_turn(turn, record, f"{column}[{i}]") for i, turn in enumerate(turns))


def _turn(turn: Any, record: Record, column: str) -> Message:
    keys = chat_keys(turn)
    if keys is None:
        raise _wrong(record, column, "names no speaker", 'A turn has "role" and "content".')
    speaker, words = keys
    role = turn[speaker]
    if not isinstance(role, str) or role.strip().lower() not in SPEAKERS:
        known = ", ".join(SPEAKERS)
        raise _wrong(record, f"{column}.{speaker}", f"is {role!r:.40}", f"Known: {known}.")
    content = _checked_text(turn.get(words), record, f"{column}.{words}")
    return Message(SPEAKERS[role.strip().lower()], content)


def _wrong(record: Record, column: str, reason: str, hint: str) -> UserError:
    return UserError(f"{record.place}, column {column!r}: {reason}.", hint)
