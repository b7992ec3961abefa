"""Are rows longer than what the model was made for?"""

from core.checks.base import Finding, check
from core.checks.context import CheckContext


@check("context-length")
def context_length(context: CheckContext) -> Finding | None:
    """Warn where rows exceed the context of the model, block where it cannot compute them.

    A mere limit above the context harms nobody. Of learned positions there is one vector each:
    beyond the last there is nothing to look up.
    """
    if context.model is None:
        return None
    length = context.settings.data.max_length
    known = context.model.architecture.context_length
    if length <= known:
        return Finding("ok", f"Rows of {length:,} tokens fit the context of {known:,}.")
    fix, changes = f"Set data.max_length to {known} or less.", {"data.max_length": known}
    if context.tokens is None:
        message = f"Rows may have {length:,} tokens; the model was made for {known:,}."
        return Finding("warn", message, fix, changes)
    longest = min(length, max(context.tokens.stats.lengths))
    if longest > known:
        message = f"A row has {longest:,} tokens; the model was made for {known:,} at most."
        is_end = context.model.architecture.positions == "learned"
        return Finding("block" if is_end else "warn", message, fix, changes)
    return Finding("ok", f"The longest row has {longest:,} tokens; the context is {known:,}.")
