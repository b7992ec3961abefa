"""The preflight checks, one file each, found by walking this folder.

The window runs them on every change with what it can know without torch; the worker and the
command line add the tokens and run them all.
"""

from core.checks.base import CHECKS, CheckResult, is_blocked, most_serious_first, run_checks
from core.checks.context import CheckContext, RehearsalFacts, gather
from core.registry import import_siblings

__all__ = [
    "CHECKS",
    "CheckContext",
    "CheckResult",
    "RehearsalFacts",
    "gather",
    "is_blocked",
    "most_serious_first",
    "run_checks",
]

import_siblings(__name__)
