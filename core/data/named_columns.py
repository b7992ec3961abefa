"""Columns that the settings name, and what is missing beside them."""

import difflib

from core.data.columns import Columns
from core.data.prompt_template import placeholders
from core.data.questions import only, question
from core.data.roles import (
    ANSWER_COLUMNS,
    PROMPT_COLUMNS,
    TURNS,
    ColumnRoles,
    begins_with_a_question,
    chat_roles,
    listed,
    question_roles,
    text_roles,
)
from core.errors import UserError
from core.settings import DataSettings


def named_roles(columns: Columns, settings: DataSettings) -> ColumnRoles | None:
    """Return the roles that the settings ask for, None where they name no column.

    Raises:
        UserError: A named column is missing, or has two roles.
        MappingQuestion: What is missing beside it cannot be recognised.
    """
    prompt, answer, template = settings.prompt_column, settings.answer_column, settings.template
    for name in filter(None, (prompt, answer, *placeholders(template))):
        if name not in columns:
            raise _missing(name, tuple(columns))
    if template and prompt:
        raise UserError(
            "The question cannot both be a column and be composed.",
            "Name data.prompt_column or data.template, not both.",
        )
    if template:
        return _composed(columns, template, answer or only(ANSWER_COLUMNS, columns))
    if prompt and answer:
        return question_roles(columns, prompt, answer)
    named = prompt or answer
    if not named:
        return None
    if not prompt and columns[answer].kind in TURNS and begins_with_a_question(columns[answer]):
        return chat_roles(columns, answer)
    other = _other(columns, prompt)
    if other:
        return question_roles(columns, prompt or other, answer or other)
    if answer:
        return text_roles(answer)
    raise question("No question and answer", columns)


def _other(columns: Columns, prompt: str) -> str:
    """Return the answer beside a named prompt, or the prompt beside a named answer."""
    return only(ANSWER_COLUMNS if prompt else PROMPT_COLUMNS, columns)


def _composed(columns: Columns, template: str, answer: str) -> ColumnRoles:
    """Return the roles of a prompt that a template composes."""
    used = dict.fromkeys(placeholders(template), "prompt")
    if not used:
        raise UserError(
            f"The template {template!r:.80} names no column.",
            "Write the names of columns in braces, as in: Translate {source}.",
        )
    if not answer:
        raise question("No answer to the composed question", columns)
    if answer in used:
        raise UserError(
            f"The template gives the answer {answer!r} away.",
            "Leave that column out of data.template.",
        )
    role_of = used | {answer: "answer"}
    return ColumnRoles(format="prompt-answer", role_of=role_of, template=template)


def _missing(named: str, columns: tuple[str, ...]) -> UserError:
    near = difflib.get_close_matches(named, columns, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return UserError(
        f"There is no column called {named!r}.", f"{hint}The file has {listed(columns)}."
    )
