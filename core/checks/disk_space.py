"""Is there room for the checkpoints?"""

from core.checks.base import Finding, check
from core.checks.context import CheckContext
from core.errors import UserError
from core.memory.host import run_bytes

RESERVE_BYTES = 2 * 2**30
"""Room for the rest of the computer."""
MIB = 2**20


@check("disk-space", 32)
def disk_space(context: CheckContext) -> Finding | None:
    """Block where the checkpoints and the deliverable do not fit; warn below 2 GiB of reserve."""
    if context.free_disk_bytes is None or context.model is None:
        return None
    try:
        needed = run_bytes(context.model, context.settings)
    except UserError:  # the targets match nothing, which the check of the targets says
        return None
    free = context.free_disk_bytes
    message = f"Checkpoints need {needed / MIB:,.0f} MiB; {free / MIB:,.0f} MiB are free."
    fix = "Free some space, or move RANKSCOPE_HOME to a larger disk."
    if needed > free:
        return Finding("block", message, fix)
    if needed + RESERVE_BYTES > free:
        return Finding("warn", message, fix)
    return Finding("ok", message)
