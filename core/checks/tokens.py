"""Adds to a context what only the tokenizer can tell; worker and command line only."""

from collections.abc import Generator
from dataclasses import replace
from typing import Any

from core.checks.context import CheckContext, TokenFacts
from core.control import Control
from core.data.desk import DataDesk
from core.data.encode import Example
from core.data.stats import summarise
from core.errors import UserError
from core.events import Progress


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
        encoded = yield from desk.encoded(settings.data, settings.model.source, control)
    except UserError as error:
        return replace(context, token_error=error)
    examples = [item.cut_to(settings.data.max_length, i) for i, item in enumerate(encoded)]
    facts = TokenFacts(
        stats=summarise(examples),
        has_chat_template=bool(tokenizer.chat_template),
        double_start=_double_start(examples, tokenizer),
    )
    return replace(context, tokens=facts)


def _double_start(examples: list[Example], tokenizer: Any) -> bool:
    start = tokenizer.bos_token_id
    return start is not None and any(e.ids[:2] == (start, start) for e in examples)
