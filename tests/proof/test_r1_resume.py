"""R1: a run that is paused anywhere goes on, in a new process, as if it had never stopped."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.control import Control
from core.events import Event, RunStarted
from core.history import History
from core.run_folder import RunFolder
from tests.core.training.conftest import MakeRun, write_rows
from tests.core.training.engine import asks, files_of, run_all
from tests.proof.harness import ROOT, Report, short_and_full
from tests.proof.train_once import resume

pytestmark = pytest.mark.usefixtures("quick_proof")

STEPS = 30  # three epochs of 60 rows, 6 rows a step


def resume_in_new_processes(runs: list[RunFolder]) -> None:
    paths = [str(run.path) for run in runs]
    command = [sys.executable, "-W", "ignore", "-m", "tests.proof.train_once", *paths]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=True)


def trace(run: RunFolder) -> tuple[list[str], dict[str, bytes]]:
    """Every loss to the last bit; adapter, moments and cursor of the last checkpoint."""
    history = History(run.events())
    losses = [*history.steps["loss"], *history.evaluations["loss"]]
    return [float.hex(float(loss)) for loss in losses], files_of(run.checkpoints()[-1])


def pauses_after(step: int) -> Callable[[Event, Control], None]:
    if step:
        return asks("pause", step)
    return lambda event, control: control.pause() if isinstance(event, RunStarted) else None


@short_and_full("points", (0, 7, 29), tuple(range(STEPS)))
def test_a_resumed_run_is_the_same_to_the_bit(
    make_run: MakeRun, tmp_path: Path, report: Report, points: tuple[int, ...]
) -> None:
    changes = {
        "data__path": str(write_rows(tmp_path / "more.jsonl", 75)),
        "adapter__dropout": 0.1,
        "training__micro_batch": 3,
        "training__accumulation": 2,
        "training__steps": STEPS,
        "training__evaluate_every": 10,
        "training__checkpoint_every": 5,
    }
    whole, failures = make_run("whole", **changes), []
    run_all(whole)
    assert History(whole.events()).started.steps_per_epoch == 10
    runs = [make_run(f"paused-{step}", **changes) for step in points]
    for step, run in zip(points, runs, strict=True):
        run_all(run, on_event=pauses_after(step))
        assert run.state().phase == "paused"
    if len(points) == STEPS:
        resume_in_new_processes(runs)
    for step, run in zip(points, runs, strict=True):
        if len(points) < STEPS:
            resume(run)
        if run.state().phase != "finished" or trace(run) != trace(whole):
            failures.append(f"paused after step {step}")
    detail = "paused after each step, resumed in a new process; adapter, moments, every loss"
    report.claim("R1", failures, len(points), detail)
