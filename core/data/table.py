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
        thinking: What an assistant thought before, where the data keep it apart.
        tool_calls: The tools that an assistant calls, as JSON: a list in the form of OpenAI.
    """

    role: str
    content: str
    thinking: str = ""
    tool_calls: str = ""

    @property
    def extras(self) -> tuple[str, ...]:
        """Thought and calls, nothing if there are none, so that plain rows keep their hashes."""
        return (self.thinking, self.tool_calls) if self.thinking or self.tool_calls else ()


Conversation = tuple[Message, ...]


@dataclass(frozen=True, kw_only=True)
class RowTable:
    """All rows of a data set.

    Attributes:
        rows: The conversations; a row is named by its index, counted from 0.
        columns: Names of the columns that the file has, in its order.
        roles: What each column is used as: "chat", "system", "history", "prompt", "input",
            "answer", "text" or "unused".
        format: As in `core.data.roles.ColumnRoles`.
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
