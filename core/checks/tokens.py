"""Adds to a context what only the tokenizer can tell; worker and command line only."""

import json
import re
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from core.checks.context import CheckContext, TokenFacts
from core.control import Control
from core.data.desk import DataDesk
from core.data.stats import summarise
from core.errors import UserError
from core.events import Progress

if TYPE_CHECKING:
    from core.data.token_rows import TokenRows

MARKER = re.compile(r"<\|[^<>|]+\|>|<｜[^<>｜]+｜>|<(?:start|end)_of_turn>")
"""How templates write the borders of a turn: ChatML and Llama 3, DeepSeek, Gemma."""


def with_tokens(
    context: CheckContext, desk: DataDesk, control: Control
) -> Generator[Progress, None, CheckContext]:
    """Return the context with the facts about its rows as tokens.

    What keeps rows from being encoded becomes `token_error`. Without a model or without rows there
    is nothing to add: other checks say so.
    """
    if context.model is None or context.table is None:
        return context
    settings = context.settings
    try:
        tokenizer = yield from desk.tokenizer(settings.model.source, control)
        tokens = yield from desk.encoded(settings.data, settings.model.source, control)
    except UserError as error:
        return replace(context, token_error=error)
    template = json.dumps(tokenizer.chat_template or "", ensure_ascii=False)
    facts = TokenFacts(
        stats=summarise(tokens, settings.data.max_length),
        has_chat_template=bool(tokenizer.chat_template),
        double_start=_double_start(tokens, tokenizer),
        split_markers=tuple(_split(tokenizer, template)),
        thinks="<think>" in template,
    )
    return replace(context, tokens=facts)


def _double_start(tokens: "TokenRows", tokenizer: Any) -> bool:
    start = tokenizer.bos_token_id
    ids, first = tokens.ids.values, tokens.ids.starts[:-1][tokens.lengths > 1]
    return start is not None and bool(((ids[first] == start) & (ids[first + 1] == start)).any())


def _split(tokenizer: Any, template: str) -> Iterator[tuple[str, int]]:
    """Yield the markers in the template that the tokenizer does not know as one token."""
    for marker in dict.fromkeys(MARKER.findall(template)):
        pieces = len(tokenizer.encode(marker, add_special_tokens=False))
        if pieces > 1:
            yield marker, pieces
