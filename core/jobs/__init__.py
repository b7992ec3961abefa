"""What the worker can do, one file per job, found by walking this folder.

A job is a class with a pydantic `Request` and a generator `run(request, control)` that yields
events. The files import without torch; what needs it is imported inside `run`.
"""

from core.jobs.base import JOBS, Job
from core.registry import import_siblings

__all__ = ["JOBS", "Job"]

import_siblings(__name__)
