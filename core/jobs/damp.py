"""The job `damp`: weakens the intruder dimensions of an adapter and writes a new one."""

from collections.abc import Generator
from dataclasses import asdict
from pathlib import Path

from pydantic import Field

from core.control import Control
from core.events import Event, Reply, RunEnded
from core.jobs.base import JOBS, JobRequest
from core.settings import RunSettings


class DampRequest(JobRequest):
    """What to damp, and where the result goes.

    Attributes:
        adapter: A PEFT or run folder.
        settings: The base model, and how to compute.
        strength: λ: 1 leaves intruders as they are, 0 takes them out.
        out: The new folder.
    """

    adapter: str
    settings: RunSettings
    strength: float = Field(ge=0.0, le=1.0)
    out: str = Field(min_length=1)


@JOBS.register("damp")
class Damp:
    """The job `damp`."""

    Request: type[JobRequest] = DampRequest

    def run(self, request: DampRequest, control: Control) -> Generator[Event, None, None]:
        """Yield progress, then one reply with the fields of `core.evidence.damped.DampedFolder`.

        Raises:
            UserError: Model or adapter cannot be read or do not belong together, or the folder
                exists or cannot be written.
        """
        from core.evidence.bench import open_bench
        from core.evidence.damped import write_damped
        from core.training.requests import Halt

        adapter = Path(request.adapter)
        try:
            bench = yield from open_bench(request.settings, adapter, control)
            out = Path(request.out)
            written = yield from write_damped(bench, adapter, request.strength, out)
        except Halt as halt:
            yield RunEnded(outcome=halt.outcome)
            return
        yield Reply(data=asdict(written))
