"""A conversation as the text that the model sees, and the parts of it that are to be learned.

Chat models bring a template. Few templates mark what the assistant says, so an answer is found by
difference: what comes after the text up to the answer, rendered with the generation prompt, as
far as the text that includes the answer (as in Megatron-Bridge PR 3927). Templates run
in the sandbox of transformers, within limits (`core.data.template_limits`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError

from core.data.spoken import as_dicts, call_names, spelled_out, with_text_arguments
from core.data.table import TEXT_ROLE, Conversation, Message
from core.data.template_amounts import TooCostlyError
from core.data.template_limits import limited
from core.errors import UserError

HEADER = 8
"""So many characters at the end of a generation prompt tell it from other places."""
OTHER = "\u2042"
"""An answer that nobody gives."""
FAULTS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What Python says where a template expects other turns than it gets."""
BORDERS = "\n >]:"
"""Characters with which templates end the header of a turn."""


@dataclass(frozen=True)
class Span:
    """Where an answer stands in the text.

    Attributes:
        start: First character.
        end: Character behind the answer and its end-of-turn token; None where the template
            renders the answer differently once more turns follow, so that the first special token
            after `start` has to tell.
    """

    start: int
    end: int | None


@dataclass(frozen=True)
class Rendered:
    """A row as text.

    Attributes:
        text: All of it, special tokens spelled out.
        answers: Where each answer stands, None for one that could not be found.
        add_special_tokens: The text brings no start token of its own.
    """

    text: str
    answers: tuple[Span | None, ...]
    add_special_tokens: bool


def render(row: Conversation, tokenizer: Any) -> Rendered:
    """Render one row by the model's chat template, or in the plain form where it has none.

    Raises:
        UserError: The template refuses the conversation.
    """
    if row[0].role == TEXT_ROLE:
        text = row[0].content + (tokenizer.eos_token or "")
        return Rendered(text, (Span(0, len(text)),), add_special_tokens=True)
    if not tokenizer.chat_template:
        return _plain(row, tokenizer.eos_token or "")
    return _chat(row, tokenizer)


def _plain(row: Conversation, eos: str) -> Rendered:
    """Render "question⏎answer<eos>" for a model that knows no roles."""
    text = ""
    answers: list[Span | None] = []
    for message in map(spelled_out, row):
        start = len(text)
        if message.role == "assistant":
            text += message.content + eos
            answers.append(Span(start, len(text)))
        else:
            text += message.content
        text += "\n"
    return Rendered(text.removesuffix("\n"), tuple(answers), add_special_tokens=True)


def _chat(row: Conversation, tokenizer: Any) -> Rendered:
    messages = as_dicts(row, tokenizer.get_chat_template())
    text = _apply(messages, tokenizer)
    answers = []
    for i, message in enumerate(row):
        if message.role == "assistant":
            start = _answer_start(text, row, i, tokenizer)
            after = text if i == len(row) - 1 else _apply(messages[: i + 1], tokenizer)
            end = len(after) if text.startswith(after) else None
            answers.append(None if start is None else Span(start, end))
            _require_calls(message, text if start is None else text[start:end])
    return Rendered(text, tuple(answers), add_special_tokens=False)


def _require_calls(message: Message, answer: str) -> None:
    """Refuse a template that leaves out the calls of tools: the model would learn silence."""
    for name in call_names(message):
        if name not in answer:
            raise UserError(
                f"The chat template of this model leaves out the call of the tool {name!r:.60}.",
                "Choose a model whose template knows tools, or write calls into the answers.",
            )


def _answer_start(text: str, row: Conversation, turn: int, tokenizer: Any) -> int | None:
    """Return where the answer begins in `text`: behind the turns before it.

    Templates of reasoning models put a thought into the generation prompt that the text does not
    have: then it begins where the two part, if they share everything up to the question. The first
    turn has none before it, and templates put a system message of their own there: its words tell.
    """
    if turn == 0:
        words = row[0].content.strip()
        return text.index(words) if words and words in text else None
    before = _apply(
        as_dicts(row[:turn], tokenizer.get_chat_template()), tokenizer, add_generation_prompt=True
    )
    if text.startswith(before):
        return len(before)
    shared = _shared(before, text)  # "<" may begin both "<think>" and the answer: back to a border
    start = 1 + max(text.rfind(border, 0, shared) for border in BORDERS)
    question = row[turn - 1].content.strip()
    asked = before.rfind(question)
    if asked >= 0 and asked + len(question) <= start:
        return start
    return _where_it_differs(text, before, row, turn, tokenizer)


def _where_it_differs(
    text: str, before: str, row: Conversation, turn: int, tokenizer: Any
) -> int | None:
    """Return where the text changes if another answer is given.

    For templates that write earlier turns otherwise once more follow: Mistral's puts the system
    message into the last question. Spaces belong to the answer as far as `before`, which ends with
    the generation prompt, ends without them.
    """
    if not row[turn].content.strip() and not row[turn].extras:
        return None
    messages = as_dicts(row, tokenizer.get_chat_template())
    messages[turn] = {"role": row[turn].role, "content": OTHER}
    changed = _apply(messages, tokenizer)
    start = _shared(text, changed)
    if not changed.startswith(OTHER, start):
        return None
    outside = len(text[:start].rstrip(" "))
    ends = (end for end in range(outside, start) if text[:end].endswith(before[-HEADER:]))
    return next(ends, start)


def _shared(one: str, other: str) -> int:
    """Return the number of characters at the start that both texts share."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))


def _apply(messages: Sequence[dict[str, Any]], tokenizer: Any, **options: Any) -> str:
    """Render as `tokenizer.apply_chat_template` does, within limits."""
    variables = {"tools": None, "documents": None, "add_generation_prompt": False, **options}
    variables |= tokenizer.special_tokens_map
    try:
        template = limited(tokenizer.get_chat_template())
        try:
            return template.render(messages=messages, **variables)
        except TypeError:  # "```json" + arguments
            if not any("tool_calls" in message for message in messages):
                raise
            return template.render(messages=with_text_arguments(messages), **variables)
    except TooCostlyError as error:
        raise UserError(
            f"The chat template of this model cannot be used: {error}.",
            "Such a template is broken, or meant to harm. Take the model from its own makers.",
        ) from None
    except (TemplateError, *FAULTS) as error:
        raise UserError(
            f"The chat template of this model refuses the conversation: {error}.",
            "Mend the order of the turns, or leave out roles that the template does not know.",
        ) from None
