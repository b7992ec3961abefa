"""Runs a job of the worker inside the command line's own process."""

from typing import Any

from core.control import Control
from core.events import Reply
from core.jobs.base import Job, JobRequest
from core.libraries import prepare_libraries


def reply_of(job: Job, request: JobRequest) -> dict[str, Any]:
    """Run a short job to its end and return what it replied.

    Raises:
        UserError: As the job raises it.
    """
    prepare_libraries()
    replies = [event for event in job.run(request, Control()) if isinstance(event, Reply)]
    return replies[-1].data
