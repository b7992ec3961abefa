"""The contract of a job."""

from collections.abc import Generator
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from core.control import Control
from core.data.desk import DataDesk
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


@runtime_checkable
class DataJob(Job, Protocol):
    """A job that looks at rows; the worker gives all of them one desk, so that rows are read once.

    Attributes:
        desk: Where rows and tokenizers lie.
    """

    desk: DataDesk


@runtime_checkable
class BriefJob(Job, Protocol):
    """A job that need not wait for a longer one: it is done between two of its events."""

    def at_once(self, request: Any) -> bool:
        """Tell whether nothing that this request needs would take long."""


JOBS: Registry[type[Job]] = Registry("job")
