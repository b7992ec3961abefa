"""Were all answers found in the rendered conversations?"""

from core.checks.base import Finding, check
from core.checks.context import CheckContext


@check("answer-spans", 19)
def answer_spans(context: CheckContext) -> Finding | None:
    """Warn where the chat template hides answers, so that they are not trained."""
    if context.tokens is None or not context.tokens.stats.answers:
        return None
    stats = context.tokens.stats
    if stats.unlocated:
        return Finding(
            "warn",
            f"{stats.unlocated:,} of {stats.answers:,} answers are not trained: this chat "
            "template rewrites earlier turns, and their place is not certain.",
            'Use rows with one answer each, or set data.train_on to "everything".',
            {"data.train_on": "everything"},
        )
    return Finding("ok", f"All {stats.answers:,} answers were found and are trained.")
