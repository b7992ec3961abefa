"""The contract of a job."""

from collections.abc import Generator
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from core.control import Control
from core.events import Event
from core.registry import Registry


class JobRequest(BaseModel):
    """What a job is asked to do; crosses the process boundary as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Job(Protocol):
    """One thing that a worker can do.

    `run` yields events and raises `UserError` for what the user can mend. It does not yield
    `RunEnded` unless it has something to say there (an outcome, a step, an adapter): the worker
    closes every job with exactly one.
    """

    Request: type[JobRequest]

    def run(self, request: Any, control: Control) -> Generator[Event, None, None]:
        """Do the work; look at `control` between two pieces of it."""


JOBS: Registry[type[Job]] = Registry("job")
