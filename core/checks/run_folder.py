"""Can the run be written where it will be, and is there one of that name already?"""

import os
from pathlib import Path

from core.checks.base import Finding, check
from core.checks.context import CheckContext
from core.run_folder import new_run_path


@check("run-folder", 33)
def run_folder(context: CheckContext) -> Finding | None:
    """Block where the folder cannot be written; say so where the name is taken."""
    if context.runs is None:
        return None
    if not _is_writable(context.runs):
        return Finding(
            "block",
            f"The folder of runs, {context.runs}, cannot be written.",
            "Set RANKSCOPE_HOME to a folder of your own.",
        )
    path = new_run_path(context.runs, context.settings.name)
    first = new_run_path(context.runs / "-", context.settings.name).name
    if path.name != first:
        message = f"A run called {first} exists; this one will be called {path.name}."
        return Finding("info", message, "Change the name to tell them apart.")
    return Finding("ok", f"The run will be kept in {path}.")


def _is_writable(folder: Path) -> bool:
    """Tell whether `folder`, or the nearest parent that exists, can be written."""
    nearest = next(place for place in (folder, *folder.parents) if place.exists())
    return nearest.is_dir() and os.access(nearest, os.W_OK)
