"""Does every target name modules of this model?"""

from core.checks.base import Finding, check
from core.checks.context import CheckContext
from core.errors import UserError
from core.models.targets import ALL_LINEAR, adapted


@check("targets", 25)
def targets(context: CheckContext) -> Finding | None:
    """Block on a target that matches nothing."""
    if context.model is None or not context.model.tensors:
        return None
    grid = context.model.grid
    try:
        names = adapted(context.settings.adapter, grid)
    except UserError as error:
        known = {"adapter.targets": [ALL_LINEAR]} if grid.modules else {}
        return Finding("block", error.message, error.hint, known)
    return Finding("ok", f"{len(names)} of {len(grid.modules)} modules get an adapter.")
