"""trackio: curves from a database in the run folder, without a network."""

import os
from typing import TYPE_CHECKING, ClassVar

from core.trackers.base import PROJECT, TRACKERS, TrackedRun

if TYPE_CHECKING:
    from accelerate.tracking import GeneralTracker


@TRACKERS.register("trackio")
class Trackio:
    """Shown by `trackio show` with TRACKIO_DIR set to the folder."""

    title: ClassVar[str] = "trackio"
    package: ClassVar[str] = "trackio"
    modules: ClassVar[tuple[str, ...]] = ("trackio",)

    @staticmethod
    def start(run: TrackedRun) -> "GeneralTracker":
        """Go on under the run's name; the user's own TRACKIO_DIR comes first."""
        os.environ.setdefault("TRACKIO_DIR", str(run.folder))  # read when trackio is imported
        from accelerate.tracking import TrackioTracker

        tracker = TrackioTracker(PROJECT, name=run.name, resume="allow")
        tracker.start()
        return tracker
