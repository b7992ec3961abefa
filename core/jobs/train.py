"""The job `train`: trains the run in a folder, from its start or from its newest checkpoint."""

import os
import sys
from collections.abc import Generator
from pathlib import Path

from core.control import Control
from core.events import Event
from core.jobs.base import JOBS, JobRequest
from core.run_folder import RunFolder


class TrainRequest(JobRequest):
    """What to train.

    Attributes:
        run: The run folder.
        resume: Go on from the newest checkpoint that verifies.
        keep_awake: Ask the system not to fall asleep meanwhile; the user has agreed to it.
        own_log: From here on the log of this process belongs into the run folder.
    """

    run: str
    resume: bool = False
    keep_awake: bool = False
    own_log: bool = False


@JOBS.register("train")
class Train:
    """The job `train`."""

    Request: type[JobRequest] = TrainRequest

    def run(self, request: TrainRequest, control: Control) -> Generator[Event, None, None]:
        """Train; the run folder records everything that is yielded."""
        from core.training.awake import train_awake
        from core.training.loop import train

        run = RunFolder.open(Path(request.run))
        if request.own_log:
            with run.log_file.open("ab") as log:
                os.dup2(log.fileno(), sys.stderr.fileno())
        begin = train_awake if request.keep_awake else train
        yield from begin(run, control, resume=request.resume)
