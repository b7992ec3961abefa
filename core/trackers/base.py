"""The contract of a tracker: a program outside Rankscope that draws the curves of many runs.

The files of this folder import neither accelerate nor the tracker: the window asks them what there
is and what is installed, and only `start` is called in the worker.
"""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from core.registry import Registry

if TYPE_CHECKING:
    from accelerate.tracking import GeneralTracker

PROJECT = "rankscope"
"""Under this name the trackers keep our runs together."""


@dataclass(frozen=True, kw_only=True)
class TrackedRun:
    """What a tracker is told about the run.

    Attributes:
        name: Name of the run's folder.
        id: Made at the first start and the same at every later one; letters and digits.
        folder: Exists, and belongs to this tracker alone.
        first_step: Steps that were done before; what the tracker knows beyond them is void.
    """

    name: str
    id: str
    folder: Path
    first_step: int


class Tracker(Protocol):
    """One tracker, as a class that is never instantiated.

    Attributes:
        title: Name for people.
        package: What pip installs.
        modules: Names under which it is imported; one of them is enough.
    """

    title: ClassVar[str]
    package: ClassVar[str]
    modules: ClassVar[tuple[str, ...]]

    @staticmethod
    def start(run: TrackedRun) -> "GeneralTracker":
        """Return accelerate's tracker after its start, going on with an earlier one if it can."""


TRACKERS: Registry[type[Tracker]] = Registry("tracker")


def is_installed(name: str) -> bool:
    """Tell whether a tracker could be imported, without importing it.

    A folder that only has the right name does not count: an offline run of W&B leaves a folder
    `wandb` where it was started.
    """
    specs = [importlib.util.find_spec(module) for module in TRACKERS[name].modules]
    return any(spec is not None and spec.origin is not None for spec in specs)
