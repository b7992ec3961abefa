"""R2: SIGKILL at random moments, many of them in the middle of a save, loses no saved step."""

import random
import time
from pathlib import Path

import pytest

from core.events import CheckpointSaved
from core.run_folder import RunFolder
from tests.core.training.conftest import MakeRun
from tests.core.training.engine import files_of, of, run_all
from tests.proof.harness import Report, fork, kill, linux_only, short_and_full
from tests.proof.train_once import resume

pytestmark = [linux_only, pytest.mark.usefixtures("quick_proof")]

STEPS = 120
MOST_SECONDS = 1.2  # after a start; about half of it is loading


def wait_for_a_save(run: RunFolder, seconds: float) -> None:
    """Wait until a checkpoint is being written, or `seconds` are over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if any(run.checkpoints_dir.glob(".tmp-*")):
            return


def kill_once(run: RunFolder, dice: random.Random, *, in_a_save: bool) -> bool:
    """Train in a child and kill it; return whether a save or a prune was cut short."""
    child = fork(lambda: resume(run))
    time.sleep(dice.random() * MOST_SECONDS)
    if in_a_save:
        wait_for_a_save(run, seconds=3.0)
        time.sleep(dice.random() * 0.003)
    kill(child)
    return any(run.checkpoints_dir.glob(".*"))


def announced(run: RunFolder) -> int:
    """The last step that the run itself has called saved."""
    return max((event.step for event in of(CheckpointSaved, list(run.events()))), default=0)


def newest(run: RunFolder) -> int:
    return max((int(path.name.removeprefix("step-")) for path in run.checkpoints()), default=0)


@short_and_full("kills", 4, 300)
def test_no_kill_keeps_a_run_from_its_end(make_run: MakeRun, report: Report, kills: int) -> None:
    changes = {
        "adapter__dropout": 0.1,
        "training__steps": STEPS,
        "training__evaluate_every": 40,
        "training__checkpoint_every": 1,
        "training__keep_checkpoints": 3,
    }
    whole, dice = make_run("whole", **changes), random.Random(0)
    run_all(whole)
    expected = files_of(whole.checkpoints()[-1])
    failures, cut_short, done, runs = [], 0, 0, 0

    def enough() -> bool:
        """On a busy machine more kills are needed until some of them meet a save."""
        return done >= kills and (cut_short >= kills // 3 or done >= 5 * kills)

    while not enough():
        run = make_run(f"run-{runs}", **changes)
        runs += 1
        while not enough() and newest(run) < STEPS - 20:
            cut_short += kill_once(run, dice, in_a_save=done % 3 > 0)
            done += 1
            if newest(run) < announced(run):
                failures.append(f"kill {done}: {newest(run)} is there, {announced(run)} was saved")
        if resume(run).outcome != "finished" or files_of(run.checkpoints()[-1]) != expected:
            failures.append(f"the run after kill {done} did not end as the one without a kill")
    detail = f"{cut_short} in the middle of a save; {runs} runs came to the same last bit"
    report.claim("R2", failures, done, detail)
    assert cut_short >= kills // 3


@pytest.mark.slow
def test_the_trainer_of_transformers_as_control(tmp_path: Path, report: Report) -> None:
    """Counted, not judged: whatever it does, this test passes."""
    from tests.proof import peer

    train, dice, resumed, kills = peer.make_job(), random.Random(5), 0, 24
    for number in range(kills):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert peer.train_and_kill(train, folder, dice), "it came to no checkpoint"
        resumed += peer.resumes(train, folder)
    detail = "HF Trainer, a checkpoint at every step; a whole one was there after every kill"
    report.note("R2-control", resumed, kills, detail)
