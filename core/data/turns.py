"""From a turn of a chat, as files write it, to a message: speaker, words, thought, tool calls."""

import json
from typing import Any

from core.data.readers import Record
from core.data.readers.base import kind_of
from core.data.table import Conversation, Message
from core.errors import UserError

SPEAKERS = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "function_call": "assistant",
    "tool_call": "assistant",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
    "function_response": "tool",
    "tool_response": "tool",
    "ipython": "tool",
}
"""Names of speakers in the wild, and the role that chat templates know."""
CALLS = ("function_call", "tool_call")
"""Speakers of ShareGPT whose words are the call of a tool, as JSON."""
MARKS = ("weight", "train", "loss")
"""Fields with which OpenAI, axolotl and others leave an answer out of the loss."""
THOUGHTS = ("reasoning_content", "thinking", "reasoning")
"""Fields for what an assistant thinks before it answers."""


def turns_of(turns: Any, record: Record, column: str) -> Conversation:
    """Return the messages in a list of turns.

    Raises:
        UserError: A turn is wrong; the message names row, column and place in the list.
    """
    if not isinstance(turns, list) or not turns:
        reason = "is empty" if turns == [] else f"is {kind_of(turns)}, but must be a list of turns"
        raise wrong(record, column, reason, 'Write [{"role": "user", "content": "…"}, …].')
    return tuple(_turn(turn, record, f"{column}[{i}]") for i, turn in enumerate(turns))


def _turn(turn: Any, record: Record, column: str) -> Message:
    speaker = _speaker_key(turn)
    if speaker is None:
        raise wrong(record, column, "names no speaker", 'A turn has "role" and "content".')
    words = "value" if speaker == "from" else "content"
    said = turn[speaker]
    role = SPEAKERS.get(said.strip().lower()) if isinstance(said, str) else None
    if role is None:
        known = ", ".join(SPEAKERS)
        raise wrong(record, f"{column}.{speaker}", f"is {said!r:.40}", f"Known: {known}.")
    if role == "assistant":
        _require_trained(turn, record, column)
    calls = _calls(turn, record, column)
    content = (
        ""
        if calls and turn.get(words) is None
        else _words(turn.get(words), record, f"{column}.{words}")
    )
    if said.strip().lower() in CALLS and (parsed := _call(_json(content))) is not None:
        content, calls = "", [parsed]
    return Message(role, content, _thought(turn, role, record, column), _dumped(calls))


def _require_trained(turn: dict[str, Any], record: Record, column: str) -> None:
    """Refuse an answer that is marked not to be learned, rather than to learn it all the same."""
    for mark in MARKS:
        if turn.get(mark) in (0, False) and turn.get(mark) is not None:
            raise wrong(
                record,
                f"{column}.{mark}",
                "says that this answer is not to be learned, and all answers of a row are",
                "End the row before this answer, or take the mark out.",
            )


def _speaker_key(turn: Any) -> str | None:
    if not isinstance(turn, dict):
        return None
    return next((key for key in ("role", "from") if key in turn), None)


def _words(value: Any, record: Record, column: str) -> str:
    """Return the words of a turn: a text, or the texts of a list of parts."""
    if not isinstance(value, list):
        return checked_text(value, record, column)
    for part in value:
        kind = part.get("type", "text") if isinstance(part, dict) else kind_of(part)
        if kind != "text" or not isinstance(part.get("text"), str):
            raise wrong(
                record, column, f"holds {kind!r:.40}", "Only parts of type text can be read."
            )
    return "".join(part["text"] for part in value)


def _thought(turn: dict[str, Any], role: str, record: Record, column: str) -> str:
    key = next((key for key in THOUGHTS if turn.get(key) is not None), "")
    if not key or role != "assistant":
        return ""
    return checked_text(turn[key], record, f"{column}.{key}")


def _calls(turn: dict[str, Any], record: Record, column: str) -> list[dict[str, Any]]:
    """Return the calls of tools in the form that chat templates read."""
    given = turn.get("tool_calls") or turn.get("function_call") or []
    given = given if isinstance(given, list) else [given]
    calls = [_call(_json(value)) for value in given]
    found = [call for call in calls if call is not None]
    if len(found) < len(calls):
        hint = 'A call is {"function": {"name": "…", "arguments": {…}}}.'
        raise wrong(record, f"{column}.tool_calls", "holds something else than calls", hint)
    return found


def _call(value: Any) -> dict[str, Any] | None:
    """Return a call, its arguments as an object: a template would quote a text once more."""
    function = value.get("function", value) if isinstance(value, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        return None
    arguments = _json(function.get("arguments", function.get("parameters", {})))
    call = {"type": "function", "function": {"name": function["name"], "arguments": arguments}}
    return {"id": value["id"], **call} if isinstance(value.get("id"), str) else call


def _json(value: Any) -> Any:
    """Return what a text holds as JSON if that is an object, any other value as it is."""
    try:
        parsed = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return value
    return parsed if isinstance(parsed, dict) else value


def _dumped(calls: list[dict[str, Any]]) -> str:
    return json.dumps(calls, ensure_ascii=False) if calls else ""


def checked_text(value: Any, record: Record, column: str) -> str:
    """Return a value that must be text.

    Raises:
        UserError: It is something else.
    """
    if not isinstance(value, str):
        reason = f"is {kind_of(value)}, but must be text"
        raise wrong(record, column, reason, "Put the value in quotes, or remove the row.")
    return value


def wrong(record: Record, column: str, reason: str, hint: str) -> UserError:
    """Return the error for a value, with its place."""
    return UserError(f"{record.place}, column {column!r}: {reason}.", hint)
