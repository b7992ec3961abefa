"""Snapshots of the spectra between evaluations, so rare that training does not feel them."""

import time
from collections.abc import Generator

from core.events import Event, RanksComputed
from core.run_folder import RunFolder
from core.training.checkpoint import checkpoint_name
from core.training.factors import write_live_spectra
from core.training.trainee import Trainee

EVERY_STEPS = 25
SHARE = 0.01
"""Most of the training time that snapshots may take."""


class LiveRanks:
    """Writes ranks/step-*.json every 25 steps, or later where that would cost over 1 % of the time.

    Args:
        run: Where the files go.
        trainee: Whose adapter is looked at.
        step: Where training begins.
    """

    def __init__(self, run: RunFolder, trainee: Trainee, step: int) -> None:
        self._run, self._trainee = run, trainee
        self._step, self._ended = step, time.perf_counter()
        self._cost = 0.0

    def follow(self, step: int) -> Generator[Event, None, None]:
        """Take a snapshot of `step` if one is due; the first one measures what it costs."""
        started = time.perf_counter()
        waited = started - self._ended
        if step - self._step < EVERY_STEPS or waited < self._cost / SHARE:
            return
        path = self._run.ranks_dir / f"{checkpoint_name(step)}.json"
        write_live_spectra(self._trainee, path)
        self._step, self._ended = step, time.perf_counter()
        self._cost = self._ended - started
        yield RanksComputed(step=step, path=str(path))
