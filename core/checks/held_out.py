"""Are rows held out, so that overfitting can be seen?"""

from core.checks.base import Finding, check
from core.checks.context import CheckContext

FEW_ROWS = 20
"""Fewer held-out rows give a validation loss that is mostly noise."""


@check("held-out", 29)
def held_out(context: CheckContext) -> Finding | None:
    """Warn where nothing, or almost nothing, is held out."""
    if context.split is None:
        return None
    kept = len(context.split.held_out)
    if not kept:
        message = "No rows are held out: you will not see overfitting."
        if context.settings.data.held_out:
            return Finding("warn", message, "Add rows: there are too few to hold one out.")
        return Finding("warn", message, "Set data.held_out to 0.05.", {"data.held_out": 0.05})
    if kept < FEW_ROWS:
        message = f"Only {kept} rows are held out: the validation loss will be noisy."
        return Finding("info", message, "Add rows, or raise data.held_out.")
    return Finding("ok", f"{kept:,} rows are held out, {len(context.split.train):,} are learned.")
