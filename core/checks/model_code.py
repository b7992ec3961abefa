"""Does the model bring Python code of its own?"""

from pathlib import Path

from core.checks.base import Finding, check
from core.checks.context import CheckContext
from core.errors import UserError
from core.models.json_file import read_json


@check("model-code", 9)
def model_code(context: CheckContext) -> Finding | None:
    """Warn where config.json points to code in the model's folder, which is never run."""
    if context.model is None:
        return None
    if context.model.path and _brings_code(Path(context.model.path)):
        message = "This model brings Python code of its own; it is not run here."
        fix = (
            "Rankscope uses the version in transformers. Choose another model if that one differs."
        )
        return Finding("warn", message, fix)
    return Finding("ok", "The model needs no code of its own.")


def _brings_code(folder: Path) -> bool:
    try:
        return folder.is_dir() and bool(read_json(folder / "config.json").get("auto_map"))
    except UserError:
        return False
