"""How much of the answers lies beyond the maximal length?"""

from core.checks.base import Finding, check
from core.checks.context import CheckContext

WARN_ABOVE = 0.02
"""Share of the answers' tokens."""


@check("answers-cut", 20)
def answers_cut(context: CheckContext) -> Finding | None:
    """Warn where more than 2 % of what should be trained is cut."""
    if context.tokens is None:
        return None
    stats = context.tokens.stats
    length = context.settings.data.max_length
    whole = stats.trained_tokens + stats.cut_trained_tokens
    share = stats.cut_trained_tokens / whole if whole else 0.0
    if share > WARN_ABOVE:
        message = f"{share:.0%} of the answers' tokens lie beyond {length:,} tokens and are cut."
        enough = stats.length_for(0.95)
        fix = f"Set data.max_length to {enough} (keeps 95 % of the rows whole)."
        return Finding("warn", message, fix, {"data.max_length": enough})
    if stats.cut_rows:
        message = f"{stats.cut_rows:,} of {stats.rows:,} rows are cut at {length:,} tokens."
        enough = stats.length_for(1.0)
        fix = f"Set data.max_length to {enough} to keep all of them whole."
        return Finding("info", message, fix, {"data.max_length": enough})
    return Finding("ok", f"No row is cut; the longest has {max(stats.lengths):,} tokens.")
