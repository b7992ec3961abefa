"""Turns that a chat template refuses, put into those that it takes."""

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
        if turns and turns[-1].role == message.role:
            content = _joined(turns.pop().content, content)
        turns.append(Message(message.role, content))
    return tuple(turns)


def _joined(first: str, second: str) -> str:
    return f"{first}{_BETWEEN}{second}" if first and second else first or second
