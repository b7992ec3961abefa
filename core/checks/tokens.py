"""Adds to a context what only the tokenizer can tell; worker and command line only."""

import json
import re
from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from core.checks.context import CheckContext, TokenFacts
from core.checks.markers import split_markers, untrained_markers
from core.control import Control
from core.data.desk import DataDesk
from core.data.stats import summarise
from core.data.table import RowTable
from core.errors import UserError
from core.events import Progress
from core.models.prepare import prepare

if TYPE_CHECKING:
    from core.data.token_rows import TokenRows


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
        folder = yield from prepare(settings.model.source, control)
        tokens = yield from desk.encoded(settings.data, settings.model.source, control)
    except UserError as error:
        return replace(context, token_error=error)
    template = json.dumps(tokenizer.chat_template or "", ensure_ascii=False)
    facts = TokenFacts(
        stats=summarise(tokens, settings.data.max_length),
        has_chat_template=bool(tokenizer.chat_template),
        double_start=_double_start(tokens, tokenizer),
        missing_start=_missing_start(tokens, tokenizer),
        split_markers=tuple(split_markers(tokenizer, template)),
        untrained_markers=tuple(untrained_markers(tokenizer, template, folder)),
        thinks="<think>" in template,
        marked_rows=_marked_rows(context.table, tokenizer),
    )
    return replace(context, tokens=facts)


def _marked_rows(table: RowTable, tokenizer: Any) -> tuple[int, str]:
    """Count the rows that spell out a special token, and return the first one that is met."""
    special = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
    if not special:
        return 0, ""
    search = re.compile("|".join(map(re.escape, special))).search
    met = (next(filter(None, (search(m.content) for m in row)), None) for row in table.rows)
    found = [match[0] for match in met if match is not None]
    return len(found), found[0] if found else ""


def _double_start(tokens: "TokenRows", tokenizer: Any) -> bool:
    start = tokenizer.bos_token_id
    ids, first = tokens.ids.values, tokens.ids.starts[:-1][tokens.lengths > 1]
    return start is not None and bool(((ids[first] == start) & (ids[first + 1] == start)).any())


def _missing_start(tokens: "TokenRows", tokenizer: Any) -> bool:
    """Tell whether the tokenizer begins a text with a start token and the rows do not."""
    start = tokenizer.bos_token_id
    begins = start is not None and tokenizer("a")["input_ids"][:1] == [start]
    first = tokens.ids.values[tokens.ids.starts[:-1][tokens.lengths > 0]]
    return bool(begins and len(first) and not (first == start).any())
