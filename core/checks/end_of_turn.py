"""Does the model learn to stop?"""

from core.checks.base import Finding, check
from core.checks.context import CheckContext

BLOCK_ABOVE = 0.5
WARN_ABOVE = 0.01
"""Shares of the answers without a trained end."""


@check("end-of-turn", 21)
def end_of_turn(context: CheckContext) -> Finding | None:
    """Block where most answers have no end; warn where some have none, or it is cut off."""
    if context.tokens is None or not context.tokens.stats.answers:
        return None
    stats = context.tokens.stats
    if stats.open_ends > WARN_ABOVE * stats.answers:
        return Finding(
            "block" if stats.open_ends > BLOCK_ABOVE * stats.answers else "warn",
            f"{stats.open_ends:,} of {stats.answers:,} answers end without an end-of-turn token: "
            "the model may never learn to stop.",
            "Choose a model whose chat template closes every turn.",
        )
    if stats.cut_ends > WARN_ABOVE * stats.answers:
        enough = stats.length_for(1.0)
        return Finding(
            "warn",
            f"The end of {stats.cut_ends:,} of {stats.answers:,} answers is cut off: "
            "they do not teach the model to stop.",
            f"Raise data.max_length to {enough}, or remove long rows.",
            {"data.max_length": enough},
        )
    return Finding("ok", "Answers end with the token that ends a turn, and it is trained.")
