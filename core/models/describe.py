"""Describes any model without its weights: from files here, or from its headers on the hub.

For the worker and the command line: transformers is asked about families that only it knows.
"""

from core.errors import UserError
from core.models import hub
from core.models.built import open_or_build
from core.models.info import ModelInfo
from core.models.sources import is_hub_id, local_path


def describe_model(source: str, *, planning: bool = False) -> ModelInfo:
    """Describe the model that `source` names; a hub id needs the network the first time only.

    Args:
        source: "starter", a model folder, a GGUF file or a hub id.
        planning: It will not be trained (see `open_folder`).

    Raises:
        UserError: There is no such model, it is broken or of the wrong kind, or the hub cannot be
            reached or refuses.
    """
    try:
        return open_or_build(source, planning=planning)
    except UserError:
        if not is_hub_id(source) or local_path(source) is not None:
            raise
        return hub.describe(source)
