"""Turns that a template refuses go into those that it takes, and no word is lost."""

import pytest

from core.data.folding import folded
from core.data.table import Conversation, Message


def turns(text: str) -> Conversation:
    """Return a conversation from "s:brief u:hello|you a:hi", where | is an empty line."""
    names = {"s": "system", "u": "user", "a": "assistant"}
    return tuple(Message(names[part[0]], part[2:].replace("|", "\n\n")) for part in text.split())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("u:1 a:2 u:3 a:4", "u:1 a:2 u:3 a:4"),
        ("s:0 u:1 a:2", "u:0|1 a:2"),
        ("u:1 u:2 a:3", "u:1|2 a:3"),
        ("u:1 a:2 a:3", "u:1 a:2|3"),
        ("u:1 a:2 s:9 u:3 a:4", "u:1 a:2 u:9|3 a:4"),
        ("s:8 s:9 u:1 a:2", "u:8|9|1 a:2"),
        ("u:1 s:9 u:2 a:3", "u:1|9|2 a:3"),
    ],
)
def test_turns_are_folded(before: str, after: str) -> None:
    assert folded(turns(before)) == turns(after)
