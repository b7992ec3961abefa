"""Describes a model from headers alone, on this computer or on the hub."""

from collections.abc import Generator

from core.control import Control
from core.events import Event, Reply
from core.jobs.base import JOBS, JobRequest
from core.models.describe import describe_model
from core.models.json import to_json


class DescribeRequest(JobRequest):
    """The value of `model.source`."""

    source: str


@JOBS.register("describe_model")
class DescribeModel:
    """Replies with `core.models.json.to_json` of the model."""

    Request: type[JobRequest] = DescribeRequest

    def run(self, request: DescribeRequest, control: Control) -> Generator[Event, None, None]:
        """Look on this computer first, then on the hub."""
        yield Reply(data=to_json(describe_model(request.source)))
