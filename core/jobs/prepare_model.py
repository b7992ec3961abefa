"""Makes a model a folder on this computer: converts a GGUF file, downloads a hub id."""

from collections.abc import Generator

from core.control import Control
from core.events import Event, Reply
from core.jobs.base import JOBS, JobRequest
from core.models.prepare import prepare


class PrepareRequest(JobRequest):
    """The value of `model.source`."""

    source: str


@JOBS.register("prepare_model")
class PrepareModel:
    """Yields progress, then replies with {"path": folder}."""

    Request: type[JobRequest] = PrepareRequest

    def run(self, request: PrepareRequest, control: Control) -> Generator[Event, None, None]:
        """Convert or download where necessary."""
        folder = yield from prepare(request.source, control)
        yield Reply(data={"path": str(folder)})
