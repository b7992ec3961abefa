"""The job `prove`: proves once more that the adapter of a run does something."""

from collections.abc import Generator
from pathlib import Path

from core.control import Control
from core.events import Event
from core.jobs.base import JOBS, JobRequest
from core.run_folder import RunFolder


class ProveRequest(JobRequest):
    """Which run's deliverable to prove."""

    run: str


@JOBS.register("prove")
class Prove:
    """The job `prove`."""

    Request: type[JobRequest] = ProveRequest

    def run(self, request: ProveRequest, control: Control) -> Generator[Event, None, None]:
        """Load the adapter in a fresh process and compare the model with and without it."""
        from core.models.prepare import prepare
        from core.training.proof import prove
        from core.training.requests import Requests

        run = RunFolder.open(Path(request.run))
        base = yield from prepare(run.settings.model.source, control)
        yield from prove(run, base, Requests(control, run.control_file).is_asked)
