"""Describes any model without its weights: from files here, or from its headers on the hub."""

from core.errors import UserError
from core.models import hub
from core.models.info import ModelInfo
from core.models.sources import is_hub_id, local_path, open_model


def describe_model(source: str) -> ModelInfo:
    """Describe the model that `source` names; a hub id needs the network the first time only.

    Raises:
        UserError: There is no such model, it is broken or of the wrong kind, or the hub cannot be
            reached or refuses.
    """
    try:
        return open_model(source)
    except UserError:
        if not is_hub_id(source) or local_path(source) is not None:
            raise
        return hub.describe(source)
