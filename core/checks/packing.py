"""Is it proven that packed rows do not see each other?"""

from core.checks.base import Finding, check
from core.checks.context import CheckContext


@check("packing", 31)
def packing(context: CheckContext) -> Finding | None:
    """Warn where the trial of the rehearsal did not prove it: such rows are padded instead."""
    if context.rehearsal is None or context.rehearsal.failed_at:
        return None
    if context.rehearsal.padded:
        return Finding(
            "warn",
            "On this model packed rows could see each other: they will be padded instead, which "
            "is slower.",
            "Set training.packing to off.",
            {"training.packing": False},
        )
    return Finding("ok", "No row sees another: that was tried on this very model.")
