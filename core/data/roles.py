"""Which column is what: named in the settings, or recognised, or else a question.

Names are compared whole, never by a part: a rule that found "text" inside "context" once made the
passage of every row the question.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core.data.columns import Column, Columns
from core.errors import UserError

SHOWN_COLUMNS = 20
NAME_THEM = "Name the columns with data.prompt_column and data.answer_column."
CHAT_COLUMNS = ("messages", "conversations", "conversation", "chat")
PROMPT_COLUMNS = ("prompt", "question", "instruction", "query", "problem", "user")
ANSWER_COLUMNS = ("completion", "response", "answer", "output", "solution", "assistant")
SYSTEM_COLUMNS = ("system", "system_prompt", "system_message")
INPUT_COLUMNS = ("input", "context")
HISTORY_COLUMN = "history"
TURNS = ("chat", "sharegpt")
SAYABLE = ("text", *TURNS)
"""Kinds of columns that can be a question or an answer."""
SURE = 0.9
"""With less confidence, the user is asked."""


@dataclass(frozen=True, kw_only=True)
class ColumnRoles:
    """What each column is used as.

    Attributes:
        format: "chat", "sharegpt", "alpaca", "prompt-answer", "preference", "sequence" or "text".
        role_of: Column to "chat", "system", "history", "prompt", "input", "answer" or "text".
        template: Composes the prompt of the columns with that role.
        confidence: 1.0 where names and values leave no doubt.
        warnings: What the user should know about columns that are not used.
    """

    format: str
    role_of: Mapping[str, str] = field(default_factory=dict)
    template: str = ""
    confidence: float = 1.0
    warnings: tuple[str, ...] = ()

    def column(self, role: str) -> str:
        """Return the column with that role, "" for none."""
        return next((name for name, used_as in self.role_of.items() if used_as == role), "")

    @property
    def changes(self) -> dict[str, str]:
        """The settings that choose these roles."""
        answer = self.column("answer") or self.column("text") or self.column("chat")
        return {"data.prompt_column": self.column("prompt"), "data.answer_column": answer}

    def said(self) -> str:
        """Return how to choose these roles on the command line."""
        return " ".join(f"--set {key}={name!r:.60}" for key, name in self.changes.items() if name)


class MappingQuestion(UserError):
    """Only the user can tell which column is what.

    Attributes:
        candidates: What it could be, the likeliest first.
    """

    def __init__(self, message: str, candidates: Sequence[ColumnRoles] = ()) -> None:
        said = ", or ".join(candidate.said() for candidate in candidates)
        super().__init__(message, f"{NAME_THEM} Perhaps: {said}." if said else NAME_THEM)
        self.candidates = tuple(candidates)


def chat_roles(columns: Columns, column: str) -> ColumnRoles:
    """Return the roles of a file whose rows are whole chats."""
    role_of = _companions(columns, column) | {column: "chat"}
    return ColumnRoles(
        format="sharegpt" if columns[column].kind == "sharegpt" else "chat",
        role_of={name: role for name, role in role_of.items() if role in ("chat", "system")},
        warnings=_unused_tools(columns),
    )


def question_roles(columns: Columns, prompt: str, answer: str) -> ColumnRoles:
    """Return the roles of a file with a question and an answer.

    Raises:
        UserError: They are the same.
    """
    if prompt == answer:
        raise UserError(f"{prompt!r} cannot be both question and answer.", NAME_THEM)
    role_of = _companions(columns, prompt, answer)
    return ColumnRoles(
        format="alpaca" if "input" in role_of.values() else "prompt-answer",
        role_of=role_of | {prompt: "prompt", answer: "answer"},
        warnings=_unused_tools(columns),
    )


def text_roles(column: str) -> ColumnRoles:
    """Return the roles of a file whose rows are learned as they are."""
    return ColumnRoles(format="text", role_of={column: "text"})


def begins_with_a_question(column: Column) -> bool:
    """Tell whether chats are whole, not only what an assistant says."""
    return not all(sample.startswith(("assistant", "gpt")) for sample in column.samples)


def _companions(columns: Columns, *taken: str) -> dict[str, str]:
    """Return the columns that stand beside question and answer: system, history, input."""
    found = {}
    for role, names in (
        ("system", SYSTEM_COLUMNS),
        ("history", (HISTORY_COLUMN,)),
        ("input", INPUT_COLUMNS),
    ):
        column = next((name for name in known(names, columns) if name not in taken), "")
        if column:
            found[column] = role
    return found


def _unused_tools(columns: Columns) -> tuple[str, ...]:
    tools = known(("tools", "functions"), columns)
    return tuple(
        f"The list of tools in column {name!r} is not shown to the model." for name in tools
    )


def known(names: Sequence[str], columns: Columns) -> list[str]:
    """Return the columns that are called like one of `names`, whatever their case."""
    wanted = set(names)
    found = [(column.strip().lower(), column) for column in columns]
    found = [(name, column) for name, column in found if name in wanted]
    return [column for name in names for lower, column in found if lower == name]


def listed(columns: Sequence[str]) -> str:
    """Return the names of some columns, for a message."""
    more = len(columns) - SHOWN_COLUMNS
    names = ", ".join(f"{str(name)!r:.60}" for name in columns[:SHOWN_COLUMNS])
    return f"{names} and {more} more" if more > 0 else names or "(none)"
