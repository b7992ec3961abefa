"""Does a row begin with two start tokens?"""

from core.checks.base import Finding, check
from core.checks.context import CheckContext


@check("start-token", 23)
def start_token(context: CheckContext) -> Finding | None:
    """Warn of a doubled start token."""
    if context.tokens is None:
        return None
    if context.tokens.double_start:
        return Finding(
            "warn",
            "Rows begin with two start tokens.",
            "Take the start token out of the data: the model's own text brings one.",
        )
    return Finding("ok", "Rows do not begin with two start tokens.")
