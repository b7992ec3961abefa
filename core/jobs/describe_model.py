"""Describes a model from headers alone, on this computer or on the hub."""

from collections.abc import Generator

from core.control import Control
from core.errors import UserError
from core.events import Event, Reply
from core.jobs.base import JOBS, JobRequest
from core.models import hub
from core.models.built import open_or_build
from core.models.info import ModelInfo
from core.models.json import to_json
from core.models.sources import is_hub_id, local_path


class DescribeRequest(JobRequest):
    """The value of `model.source`."""

    source: str


@JOBS.register("describe_model")
class DescribeModel:
    """Replies with `core.models.json.to_json` of the model."""

    Request: type[JobRequest] = DescribeRequest

    def run(self, request: DescribeRequest, control: Control) -> Generator[Event, None, None]:
        """Look on this computer first, if need be with transformers' help, then on the hub."""
        yield Reply(data=to_json(_describe(request.source)))


def _describe(source: str) -> ModelInfo:
    try:
        return open_or_build(source)
    except UserError:
        if not is_hub_id(source) or local_path(source) is not None:
            raise
        return hub.describe(source)
