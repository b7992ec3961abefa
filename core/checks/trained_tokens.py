"""Is there something to learn in the rows?"""

from core.checks.base import Finding, check
from core.checks.context import CheckContext

BLOCK_ABOVE = 0.5
WARN_ABOVE = 0.01
"""Shares of rows without a trained token."""


@check("trained-tokens", 18)
def trained_tokens(context: CheckContext) -> Finding | None:
    """Block where most rows teach nothing, warn where more than one in a hundred does."""
    if context.tokens is None:
        return None
    stats = context.tokens.stats
    message = f"{stats.empty_rows:,} of {stats.rows:,} rows teach nothing: no answer is left."
    fix, changes = "Remove rows without an answer.", {}
    if stats.cut_rows:
        enough = stats.length_for(1.0)
        fix = f"Raise data.max_length to {enough}, or remove long rows."
        changes = {"data.max_length": enough}
    share = stats.empty_rows / stats.rows
    if share > BLOCK_ABOVE or stats.median_trained == 0:
        return Finding("block", message, fix, changes)
    if share > WARN_ABOVE:
        return Finding("warn", message, fix, changes)
    trained = stats.trained_tokens / stats.tokens
    return Finding("ok", f"{stats.trained_tokens:,} tokens are trained, {trained:.0%} of all.")
