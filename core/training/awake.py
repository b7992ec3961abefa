"""Trains with the machine kept awake, for those who have agreed to that."""

from collections.abc import Generator
from contextlib import suppress

from core.awake import Inhibitor, kept_awake, system_inhibitor
from core.control import Control
from core.errors import UserError
from core.events import Event, RunEnded
from core.run_folder import RunFolder
from core.training.loop import train
from core.training.record import Recorder
from core.training.start import claim


def train_awake(
    run: RunFolder,
    control: Control,
    *,
    resume: bool = False,
    inhibitor: Inhibitor = system_inhibitor,
) -> Generator[Event, None, None]:
    """Do what `train` does; from loading to the last event the machine does not fall asleep.

    What came of that is the first event, recorded like the others. The run is claimed before, so
    that nothing is written to one that another process trains.
    """
    try:
        claim(run, resume=resume)
    except UserError as error:
        yield RunEnded.failed(error)
        return
    with kept_awake(inhibitor) as notice:
        with suppress(OSError):  # a full disk is for `train` to tell
            Recorder(run).take(notice)
        yield notice
        yield from train(run, control, resume=resume)
