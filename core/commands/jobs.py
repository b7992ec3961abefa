"""Runs a job of the worker inside the command line's own process."""

from typing import Any

from core.commands.quiet import quieten_libraries
from core.control import Control
from core.errors import UserError
from core.events import Reply
from core.jobs.base import Job, JobRequest


def reply_of(job: Job, request: JobRequest) -> dict[str, Any]:
    """Run a short job to its end and return what it replied.

    Raises:
        UserError: As the job raises it.
    """
    quieten_libraries()
    for event in job.run(request, Control()):
        if isinstance(event, Reply):
            return event.data
    raise UserError("The job ended without an answer.", "Try again.")
