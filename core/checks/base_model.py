"""Has the model ever seen the markers of its chat template?"""

from core.checks.base import Finding, check
from core.checks.context import CheckContext


@check("base-model", 16)
def base_model(context: CheckContext) -> Finding | None:
    """Warn where the embeddings of markers were never trained: a base model, not one for chats."""
    if context.tokens is None or context.table is None:
        return None
    untrained = context.tokens.untrained_markers
    if untrained and context.table.format != "text":
        return Finding(
            "warn",
            f"This is a base model: it has never seen {', '.join(untrained)}, with which its chat "
            "template writes turns. An adapter does not change embeddings.",
            "Choose the instruct version of this model, or learn plain text with it.",
        )
    return Finding("ok", "The model knows the markers of its chat template.")
