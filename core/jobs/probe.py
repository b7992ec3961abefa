"""The job `probe`: measures the peak memory of a run by two real steps and an evaluation."""

from collections.abc import Generator

from core.control import Control
from core.events import Event
from core.jobs.base import JOBS, JobRequest
from core.settings import RunSettings


class ProbeRequest(JobRequest):
    """The run to measure."""

    settings: RunSettings


@JOBS.register("probe")
class Probe:
    """The job `probe`.

    On a processor the peak is that of the process: it wants a worker that did nothing before.
    """

    Request: type[JobRequest] = ProbeRequest

    def run(self, request: ProbeRequest, control: Control) -> Generator[Event, None, None]:
        """Measure; the reply is that of `core.training.probe.probe`."""
        from core.training.probe import probe

        yield from probe(request.settings, control)
