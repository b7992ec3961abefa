"""Rows as conversations, whatever file they came from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

TEXT_ROLE = "text"
"""Role of the only message of a plain text row: no question, no answer, all of it is learned."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn.

    Attributes:
        role: "system", "user", "assistant", "tool" or "text" (see `TEXT_ROLE`).
        content: What was said.
    """

    role: str
    content: str


Conversation = tuple[Message, ...]


@dataclass(frozen=True, kw_only=True)
class RowTable:
    """All rows of a data set.

    Attributes:
        rows: The conversations; a row is named by its index, counted from 0.
        columns: Names of the columns that the file has, in its order.
        roles: What each column is used as: "chat", "system", "prompt", "input", "answer", "text"
            or "unused".
        format: "chat", "sharegpt", "alpaca", "prompt-answer" or "text".
        path: The file.
        warnings: Sentences about what was mended while reading.
    """

    rows: Sequence[Conversation]
    columns: tuple[str, ...]
    roles: Mapping[str, str]
    format: str
    path: str
    warnings: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.rows)
