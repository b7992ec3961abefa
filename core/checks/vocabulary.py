"""Do tokenizer and model belong together?"""

from core.checks.base import Finding, check
from core.checks.context import CheckContext


@check("vocabulary", 24)
def vocabulary(context: CheckContext) -> Finding | None:
    """Block where the data has tokens for which the model has no embedding."""
    if context.tokens is None or context.model is None:
        return None
    largest = context.tokens.stats.largest_id
    rows = context.model.architecture.vocab_size
    if largest >= rows:
        return Finding(
            "block",
            f"Token {largest} occurs, but the model knows {rows:,} tokens only: "
            "tokenizer and model do not belong together.",
            "Use the tokenizer that came with the model.",
        )
    return Finding("ok", "All tokens of the data are known to the model.")
