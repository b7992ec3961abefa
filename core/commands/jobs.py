"""Runs a job of the worker, or a part of one, inside the command line's own process."""

from collections.abc import Callable, Generator
from typing import Any, TypeVar

from core.control import Control
from core.events import Progress, Reply
from core.jobs.base import Job, JobRequest
from core.libraries import prepare_libraries

T = TypeVar("T")


def reply_of(
    job: Job, request: JobRequest, say: Callable[[str], None] = lambda message: None
) -> dict[str, Any]:
    """Run a short job to its end and return what it replied last.

    Args:
        job: What to run.
        request: What it is asked for.
        say: Told of each new thing that it does.

    Raises:
        UserError: As the job raises it.
    """
    prepare_libraries()
    reply, doing = Reply(data={}), ""
    for event in job.run(request, Control()):
        if isinstance(event, Reply):
            reply = event
        elif isinstance(event, Progress) and event.message != doing:
            doing = event.message
            say(doing)
    return reply.data


def result_of(work: Generator[Any, None, T]) -> T:
    """Run a part of a job to its end, whatever it says meanwhile, and return its result.

    Raises:
        UserError: As the work raises it.
    """
    prepare_libraries()
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: T = end.value
            return result
