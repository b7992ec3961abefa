"""Do the rows say whether the tuned model should think before it answers?"""

from core.checks.base import Finding, check
from core.checks.context import CheckContext

THOUGHT = "<think>"


@check("thoughts", 17)
def thoughts(context: CheckContext) -> Finding | None:
    """Warn where only some answers have thoughts; say so where none has and the model could."""
    if context.tokens is None or context.table is None:
        return None
    rows = context.table.rows
    thinking = sum(any(m.role == "assistant" and THOUGHT in m.content for m in r) for r in rows)
    if thinking and thinking < len(rows):
        return Finding(
            "warn",
            f"{thinking:,} of {len(rows):,} rows have an answer with a thought, the others none: "
            "the tuned model will think now and then.",
            "Give all answers a thought, or take it out of all.",
        )
    if context.tokens.thinks and not thinking:
        return Finding(
            "info",
            "This model can think before it answers, and no row has a thought: the tuned model "
            "will answer at once.",
            "To keep its thoughts, begin answers with <think>…</think>.",
        )
    return Finding("ok", "The rows are of one mind about thoughts.")
