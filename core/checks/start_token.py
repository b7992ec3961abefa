"""Does a row begin with one start token?"""

from core.checks.base import Finding, check
from core.checks.context import CheckContext


@check("start-token", 23)
def start_token(context: CheckContext) -> Finding | None:
    """Warn of a start token that is doubled, or missing."""
    if context.tokens is None:
        return None
    if context.tokens.double_start:
        return Finding(
            "warn",
            "Rows begin with two start tokens.",
            "Take the start token out of the data: the model's own text brings one.",
        )
    if context.tokens.missing_start:
        return Finding(
            "warn",
            "This model begins a text with a start token, and its chat template writes none.",
            "Take the chat template that came with the model.",
        )
    return Finding("ok", "Rows do not begin with two start tokens.")
