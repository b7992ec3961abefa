"""Does every target name modules of this model?"""

from core.checks.base import Finding, check, refused
from core.checks.context import CheckContext
from core.errors import UserError
from core.models.targets import adapted


@check("targets", 25)
def targets(context: CheckContext) -> Finding | None:
    """Block on a target that matches nothing."""
    if context.model is None or not context.model.tensors:
        return None
    grid = context.model.grid
    try:
        names = adapted(context.settings.adapter, grid)
    except UserError as error:
        return refused(error)
    return Finding("ok", f"{len(names)} of {len(grid.modules)} modules get an adapter.")
