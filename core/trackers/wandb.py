"""Weights & Biases: curves on a server, or with WANDB_MODE=offline in files to send later."""

import os
from typing import TYPE_CHECKING, ClassVar

from core.trackers.base import PROJECT, TRACKERS, TrackedRun

if TYPE_CHECKING:
    from accelerate.tracking import GeneralTracker


@TRACKERS.register("wandb")
class WeightsAndBiases:
    """Needs a login (`wandb login`) unless it is offline."""

    title: ClassVar[str] = "Weights & Biases"
    package: ClassVar[str] = "wandb"
    modules: ClassVar[tuple[str, ...]] = ("wandb",)

    @staticmethod
    def start(run: TrackedRun) -> "GeneralTracker":
        """Go on under the run's own id.

        W&B keeps quiet, or it would ask for a login in the middle of the training and wait, and it
        leaves our output alone, which it would write through its own hands.
        """
        os.environ.setdefault("WANDB_SILENT", "true")
        os.environ.setdefault("WANDB_CONSOLE", "off")
        from accelerate.tracking import WandBTracker

        tracker = WandBTracker(
            PROJECT, name=run.name, id=run.id, resume="allow", dir=str(run.folder)
        )
        tracker.start()
        return tracker
