"""TensorBoard: curves from files in the run folder, without a network."""

from typing import TYPE_CHECKING, ClassVar

from core.trackers.base import TRACKERS, TrackedRun

if TYPE_CHECKING:
    from accelerate.tracking import GeneralTracker


@TRACKERS.register("tensorboard")
class TensorBoard:
    """Shown by `tensorboard --logdir RUN/trackers`, or with the folder of all runs."""

    title: ClassVar[str] = "TensorBoard"
    package: ClassVar[str] = "tensorboard"
    modules: ClassVar[tuple[str, ...]] = ("tensorboard", "tensorboardX")

    @staticmethod
    def start(run: TrackedRun) -> "GeneralTracker":
        """Write beside the earlier files; what they hold of steps not yet done is taken back."""
        from accelerate.tracking import TensorBoardTracker

        first = run.first_step + 1
        tracker = TensorBoardTracker(
            run.name, run.folder, purge_step=first, filename_suffix=f".step-{first}"
        )
        tracker.start()
        return tracker
