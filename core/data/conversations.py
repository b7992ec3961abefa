"""From one row of a file to a conversation, checked value by value."""

from typing import Any

from core.data.columns import turns_in
from core.data.prompt_template import compose
from core.data.readers import Record
from core.data.readers.base import kind_of
from core.data.roles import ColumnRoles
from core.data.table import TEXT_ROLE, Conversation, Message
from core.data.turns import checked_text, turns_of, wrong
from core.errors import UserError


def conversation_of(record: Record, roles: ColumnRoles) -> Conversation:
    """Return the conversation in `record`.

    Raises:
        UserError: A value is missing or of a wrong type; the message names row and column.
    """
    if text := roles.column("text"):
        return (Message(TEXT_ROLE, _text(record, text)),)
    system = _optional(record, roles.column("system"))
    before: Conversation = (Message("system", system),) if system.strip() else ()
    if chat := roles.column("chat"):
        return _checked(before + turns_of(turns_in(_present(record, chat)), record, chat), record)
    before += _history(record, roles.column("history"))
    question, column = _prompt(record, roles), roles.column("answer")
    answer = _said(record, column, "assistant")
    if answer[0].role != "assistant":
        hint = "Choose it alone, without a column for the question."
        raise wrong(record, column, "is a chat with a question of its own", hint)
    return _checked(before + question + answer, record)


def _checked(row: Conversation, record: Record) -> Conversation:
    """Refuse a second system turn in front: nobody could tell which one holds."""
    if [message.role for message in row[:2]] == ["system", "system"]:
        hint = "Leave out the column, or the turn."
        raise UserError(f"{record.place}: the chat has two system turns.", hint)
    return row


def _prompt(record: Record, roles: ColumnRoles) -> Conversation:
    if roles.template:
        used = [name for name, role in roles.role_of.items() if role == "prompt"]
        values = {name: _shown(record, name) for name in used}
        return (Message("user", compose(roles.template, values)),)
    question = _said(record, roles.column("prompt"), "user")
    more = _optional(record, roles.column("input"))
    if not more.strip():
        return question
    *earlier, last = question
    content = f"{last.content}\n\n{more}" if last.content.strip() else more
    return (*earlier, Message(last.role, content))


def _said(record: Record, column: str, speaker: str) -> Conversation:
    """Return what a column holds: the words of `speaker`, or turns of its own."""
    turns = turns_in(record.values.get(column))
    if isinstance(turns, list) and all(isinstance(turn, dict) for turn in turns):
        return turns_of(turns, record, column)
    return (Message(speaker, _text(record, column)),)


def _history(record: Record, column: str) -> Conversation:
    """Return the turns before the question: pairs of question and answer."""
    pairs = record.values.get(column) or []
    turns: list[Message] = []
    for i, pair in enumerate(pairs if isinstance(pairs, list) else [pairs]):
        if not isinstance(pair, list) or len(pair) != 2:
            hint = 'Write [["question", "answer"], …].'
            raise wrong(record, f"{column}[{i}]", f"is {kind_of(pair)}, but must be a pair", hint)
        for role, words in zip(("user", "assistant"), pair, strict=True):
            turns.append(Message(role, checked_text(words, record, f"{column}[{i}]")))
    return tuple(turns)


def _optional(record: Record, column: str) -> str:
    """Return "" where the column, or its value in this row, is missing."""
    return _text(record, column) if record.values.get(column) is not None else ""


def _text(record: Record, column: str) -> str:
    return checked_text(_present(record, column), record, column)


def _shown(record: Record, column: str) -> str:
    """Return a value for a template: numbers as they are, lists line by line."""
    value = _present(record, column)
    if isinstance(value, list) and value and all(isinstance(part, str) for part in value):
        return "\n".join(value)
    return str(value) if isinstance(value, int | float) else checked_text(value, record, column)


def _present(record: Record, column: str) -> Any:
    if column not in record.values:
        raise wrong(record, column, "is missing", "Every row needs this column.")
    return record.values[column]
