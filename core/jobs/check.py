"""The job `check`: all preflight checks, those that need a tokenizer included."""

from collections.abc import Generator
from dataclasses import asdict, replace

from core.checks import CheckContext, RehearsalFacts, gather, run_checks
from core.checks.device import with_trial
from core.checks.tokens import with_tokens
from core.control import Control
from core.data.desk import Cancelled, DataDesk
from core.events import Event, Progress, Reply, RunEnded
from core.jobs.base import JOBS, JobRequest
from core.memory.devices import Device
from core.settings import RunSettings


class CheckRequest(JobRequest):
    """Which run to look at.

    Attributes:
        device: Where it would run; the first device of this computer where this is None.
        rehearsal: What a rehearsal came to, where there was one.
    """

    settings: RunSettings
    device: Device | None = None
    rehearsal: RehearsalFacts | None = None


@JOBS.register("check")
class Check:
    """Runs the preflight checks."""

    Request: type[JobRequest] = CheckRequest

    def __init__(self) -> None:
        self.desk = DataDesk()

    def run(self, request: CheckRequest, control: Control) -> Generator[Event, None, None]:
        """Yield progress and replies {"checks": [{"id", "level", "message", "fix", "changes"}]}.

        Each reply holds all that is known by then: first about files, then about tokens, the
        device, and rows that nearly repeat others.
        """
        yield Progress(phase="loading", message="Looking at model and data")
        context = replace(gather(request.settings), rehearsal=request.rehearsal)
        if request.device is not None:
            context = replace(context, device=request.device)
        yield _reply(context)
        try:
            context = yield from with_tokens(context, self.desk, control)
            yield _reply(context)
            yield Progress(phase="trying", message="Trying the device")
            context = with_trial(context)
            yield _reply(context)
            if context.table is not None:
                near = yield from self.desk.near_duplicates(request.settings.data, control)
                context = replace(context, near=near)
        except Cancelled:
            yield RunEnded(outcome="stopped")
            return
        yield _reply(context)


def _reply(context: CheckContext) -> Reply:
    return Reply(data={"checks": [asdict(result) for result in run_checks(context)]})
