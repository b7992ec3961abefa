"""Messages as chat templates read them, and as text where nothing reads them."""

import json
import re
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

from core.data.table import Conversation, Message
from core.errors import UserError

_READS_THOUGHTS = re.compile(r"reasoning_content|(\.|\[['\"]|get\(['\"])(thinking|reasoning)\b")
"""Whether a template asks a message for its thought; "thinking" alone is often a mere switch."""

_KNOWS_NO_WORDS = re.compile(r"content['\"]?\]?\s+is\s+(not\s+)?none")
"""Whether a template tells a turn without words from one with empty ones."""


def as_dicts(row: Conversation, template: str) -> list[dict[str, Any]]:
    """Return the messages of a row as `template` reads them."""
    if not any(message.extras for message in row):
        return [{"role": message.role, "content": message.content} for message in row]
    return [_as_dict(message, template) for message in row]


def _as_dict(message: Message, template: str) -> dict[str, Any]:
    is_wordless = not message.content and _KNOWS_NO_WORDS.search(template) is not None
    if not _READS_THOUGHTS.search(template):
        # Where calls alone are a turn, a thought in words would open a second one.
        is_mere_call = is_wordless and message.tool_calls
        message = replace(message, thinking="") if is_mere_call else with_thought(message)
    read: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.thinking:  # the names that templates ask for
        read |= {"reasoning_content": message.thinking, "thinking": message.thinking}
    if message.tool_calls:
        read["tool_calls"] = json.loads(message.tool_calls)
        if is_wordless:
            read["content"] = None
    return read


def with_text_arguments(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return messages whose calls have their arguments as JSON text, as some templates want it."""
    copies = deepcopy(list(messages))
    for message in copies:
        for call in message.get("tool_calls", []):
            arguments = call["function"]["arguments"]
            call["function"]["arguments"] = json.dumps(arguments, ensure_ascii=False)
    return copies


def with_thought(message: Message) -> Message:
    """Return a message with its thought in front of its words, between the usual tags."""
    if not message.thinking:
        return message
    content = f"<think>\n{message.thinking.strip()}\n</think>\n\n{message.content}"
    return replace(message, content=content, thinking="")


def spelled_out(message: Message) -> Message:
    """Return a message for a model without a template.

    Raises:
        UserError: It calls tools, which only a template tells how to write.
    """
    if message.tool_calls:
        raise UserError(
            "The conversation calls tools, and this model has no chat template to write that.",
            "Choose a model with a chat template that knows tools.",
        )
    return with_thought(message)


def call_names(message: Message) -> list[str]:
    """Return the names of the tools that a message calls."""
    calls = json.loads(message.tool_calls) if message.tool_calls else []
    return [call["function"]["name"] for call in calls]
