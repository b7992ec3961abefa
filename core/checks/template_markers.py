"""Are the borders of a turn tokens of their own?"""

from core.checks.base import Finding, check
from core.checks.context import CheckContext


@check("template-markers", 15)
def template_markers(context: CheckContext) -> Finding | None:
    """Block where a marker of the chat template falls into pieces: it is of another model."""
    if context.tokens is None:
        return None
    if context.tokens.split_markers:
        marker, pieces = context.tokens.split_markers[0]
        return Finding(
            "block",
            f"The chat template writes {marker}, which is {pieces} tokens in this model.",
            "Take the chat template that came with the model, or a model that has its markers.",
        )
    return Finding("ok", "The markers of the chat template are tokens of the model.")
