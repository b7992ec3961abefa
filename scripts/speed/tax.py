"""P9, what the window costs: the same run with and without one, taking turns.

Nothing is gated here, since the window drives its worker as it always does. Whole process trees are
stopped and continued instead (SIGSTOP, SIGCONT), and only steps within a turn count, by the times
that the run folder notes.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import psutil

from speed.designs import AGAIN, Place, Race
from speed.examples import Spec
from speed.rounds import ROOT, BenchError, Measured, Turn, environment

WINDOW = "Rankscope, window open"
HEADLESS = "Rankscope, headless"
LEAST = 0.97
_STEPS = 6  # that count in a turn; the one that was cut by the stop does not
_PATIENCE = 600.0


def tax(place: Place) -> Race:
    """Return the race: the window, again (A/A), and headless."""
    ours = Spec(name=WINDOW, system="ours", model=place.model("starter"), rows=place.rows("alpaca"))
    specs = (ours, replace(ours, name=AGAIN), replace(ours, name=HEADLESS))
    title = "Window open against headless, by the clock on two threads"
    return Race("P9", title, specs, {HEADLESS: LEAST}, unit="second")


class _Free:
    """A process that trains until it is ended, standing still between its turns."""

    def __init__(self, spec: Spec, home: Path) -> None:
        home.mkdir()
        self._home = home
        self._log = home / "output.log"
        way = "none" if spec.name == HEADLESS else "open"
        with self._log.open("w") as log:
            self._process = psutil.Popen(
                [sys.executable, "-m", "speed.window", way, json.dumps(asdict(spec))],
                stdout=log, stderr=subprocess.STDOUT, cwd=ROOT,
                env={**environment(), "RANKSCOPE_HOME": str(home), "OMP_NUM_THREADS": "2"},
            )  # fmt: skip

    def turn(self) -> Turn:
        """Go on until enough steps are done, then stand still."""
        self._each(psutil.Process.resume)
        before = len(self._steps())
        deadline = time.monotonic() + _PATIENCE
        while len(done := self._steps()) < before + 1 + _STEPS:
            if not self._process.is_running() or time.monotonic() > deadline:
                raise BenchError(f"The run did not go on:\n{self._log.read_text()[-2000:]}")
            time.sleep(0.05)
        self._each(psutil.Process.suspend)
        first, *counted = done[before : before + 1 + _STEPS]
        seconds = float(counted[-1]["seconds"]) - float(first["seconds"])
        tokens = sum(int(step["tokens"]) for step in counted)
        return Turn(tokens, seconds, seconds, os.getloadavg()[0], [])

    def end(self) -> None:
        """End the whole tree."""
        tree = [*self._process.children(recursive=True), self._process]
        for process in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(tree, timeout=10)

    def _each(self, change: Callable[[psutil.Process], None]) -> None:
        for process in [self._process, *self._process.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                change(process)

    def _steps(self) -> list[dict[str, float]]:
        lines: list[str] = []
        for file in self._home.glob("runs/*/events.jsonl"):
            lines += file.read_text("utf-8").splitlines(keepends=True)
        whole = [json.loads(line) for line in lines if line.endswith("\n")]
        return [event for event in whole if event["event"] == "step"]


def race_freely(one: Race, folder: Path, rounds: int) -> list[Measured]:
    """Let the variants take turns; the first turn of each does not count."""
    measured = [Measured(spec.name) for spec in one.specs]
    free: list[_Free] = []
    try:
        for number, (spec, of) in enumerate(zip(one.specs, measured, strict=True)):
            free.append(_Free(spec, folder / f"home-{number}"))
            of.warm_up.append(free[-1].turn())
        _take_turns(free, measured, rounds)
    finally:
        for process in free:
            process.end()
    return measured


def _take_turns(free: Sequence[_Free], measured: Sequence[Measured], rounds: int) -> None:
    for _ in range(rounds):
        for process, of in zip(free, measured, strict=True):
            of.by_cpu.append(process.turn())
