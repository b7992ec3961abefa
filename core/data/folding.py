"""Turns that a chat template refuses, put into those that it takes."""

from dataclasses import replace

from core.data.table import Conversation, Message

_BETWEEN = "\n\n"


def folded(row: Conversation) -> Conversation:
    """Put system turns into the question that follows, and join turns of one speaker.

    A system turn that no question follows is left out: there is nothing that it could change.
    """
    turns: list[Message] = []
    instruction = ""
    for message in row:
        if message.role == "system":
            instruction = _joined(instruction, message.content)
            continue
        content = message.content
        if message.role == "user" and instruction:
            content, instruction = _joined(instruction, content), ""
        if turns and turns[-1].role == message.role and not _has_extras(turns[-1], message):
            content = _joined(turns.pop().content, content)
        turns.append(replace(message, content=content))
    return tuple(turns)


def _has_extras(*messages: Message) -> bool:
    """Tell whether thoughts or calls of tools stand between the words of two turns."""
    return any(message.extras for message in messages)


def _joined(first: str, second: str) -> str:
    return f"{first}{_BETWEEN}{second}" if first and second else first or second
