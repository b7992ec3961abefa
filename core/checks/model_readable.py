"""Can the base model be read, and are all of its weights there?"""

from core.checks.base import Finding, check, refused
from core.checks.context import CheckContext
from core.models.gated import NoAccess
from core.models.hub_cache import cached_snapshot
from core.models.sources import is_hub_id, local_path


@check("model-readable", 7, 8)
def model_readable(context: CheckContext) -> Finding | None:
    """Block on a model that cannot be read or that has no weights."""
    source = context.settings.model.source
    given = not isinstance(context.model_error, NoAccess)
    if context.model_error is not None and given and _is_elsewhere(source):
        return Finding("warn", context.model_error.message, context.model_error.hint)
    if context.model_error is not None:
        return refused(context.model_error)
    model = context.model
    if model is None:
        return None
    if not model.tensors:
        return Finding(
            "block",
            f"{model.name} has no weights here, only its description.",
            "Choose a complete model folder, a GGUF file or a hub id.",
        )
    if not model.path:
        size = f" of {model.disk_bytes / 1e9:.1f} GB" if model.disk_bytes else ""
        message = f"{model.name} is not on this computer yet: its weights{size} are fetched first."
        return Finding("info", message, "Go online, or choose a model that is here.")
    return Finding("ok", f"{model.name}: {model.parameters:,} parameters.")


def _is_elsewhere(source: str) -> bool:
    """Tell whether the model is on the hub and will be downloaded when the run starts."""
    return is_hub_id(source) and local_path(source) is None and cached_snapshot(source) is None
