"""The job `rehearse`: does once, on the longest rows, all that a run will do."""

from collections.abc import Generator

from core.control import Control
from core.events import Event
from core.jobs.base import JOBS, JobRequest
from core.settings import RunSettings


class RehearseRequest(JobRequest):
    """The run to rehearse."""

    settings: RunSettings


@JOBS.register("rehearse")
class Rehearse:
    """The job `rehearse`.

    It measures memory as well, and so wants, like `probe`, a worker that did nothing before.
    """

    Request: type[JobRequest] = RehearseRequest

    def run(self, request: RehearseRequest, control: Control) -> Generator[Event, None, None]:
        """Rehearse; the reply is that of `core.training.rehearsal.rehearse`."""
        from core.training.rehearsal import rehearse

        yield from rehearse(request.settings, control)
