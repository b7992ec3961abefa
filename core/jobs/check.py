"""The job `check`: all preflight checks, those that need a tokenizer included."""

from collections.abc import Generator
from dataclasses import asdict

from core.checks import gather, run_checks
from core.checks.tokens import with_tokens
from core.control import Control
from core.data.desk import Cancelled, DataDesk
from core.events import Event, Progress, Reply, RunEnded
from core.jobs.base import JOBS, JobRequest
from core.settings import RunSettings


class CheckRequest(JobRequest):
    """Which run to look at."""

    settings: RunSettings


@JOBS.register("check")
class Check:
    """Runs the preflight checks."""

    Request: type[JobRequest] = CheckRequest

    def __init__(self) -> None:
        self.desk = DataDesk()

    def run(self, request: CheckRequest, control: Control) -> Generator[Event, None, None]:
        """Yield progress, then one reply {"checks": [{"id", "level", "message", "fix"}]}."""
        yield Progress(phase="loading", message="Looking at model and data")
        context = gather(request.settings)
        try:
            context = yield from with_tokens(context, self.desk, control)
        except Cancelled:
            yield RunEnded(outcome="stopped")
            return
        yield Reply(data={"checks": [asdict(result) for result in run_checks(context)]})
