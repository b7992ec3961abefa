"""R6: whatever a disk does to a checkpoint is noticed, and the run goes on from the one before."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from core.run_folder import RunFolder
from core.training.checkpoint import CheckpointStore
from tests.core.training.conftest import MakeRun
from tests.core.training.engine import run_all
from tests.proof.harness import Report, short_and_full
from tests.proof.train_once import resume

pytestmark = pytest.mark.usefixtures("quick_proof")

Harm = Callable[[Path, Path, random.Random], None]
"""Damages a file of the newest checkpoint; the second path is the same file in the one before."""


def flip_a_bit(path: Path, other: Path, dice: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    path.write_bytes(data)


def cut(path: Path, other: Path, dice: random.Random) -> None:
    path.write_bytes(path.read_bytes()[: dice.randrange(path.stat().st_size)])


def fill_with_zeros(path: Path, other: Path, dice: random.Random) -> None:
    size = path.stat().st_size
    start = dice.randrange(size)
    path.write_bytes(path.read_bytes()[:start] + bytes(size - start))


def swap(path: Path, other: Path, dice: random.Random) -> None:
    mine, theirs = path.read_bytes(), other.read_bytes()
    path.write_bytes(theirs)
    other.write_bytes(mine)


HARMS: tuple[Harm, ...] = (flip_a_bit, cut, fill_with_zeros, swap)


def harm_one_file(folder: Path, harm: Harm, dice: random.Random) -> tuple[str, int]:
    """Damage a file of the newest checkpoint; return its name, and how many checkpoints suffered.

    A file that is the same in both is not swapped, nor are zeros filled with zeros.
    """
    *_, before, newest = sorted(folder.iterdir())
    files = sorted(newest.iterdir())
    while True:
        path = dice.choice(files)
        intact = path.read_bytes()
        harm(path, before / path.name, dice)
        if path.read_bytes() != intact:
            return path.name, 2 if harm is swap else 1


def is_noticed(run: RunFolder, suffered: int) -> bool:
    expected = [6, 5, 4][suffered]
    found, problems = CheckpointStore(run.checkpoints_dir, keep=9).newest()
    return found is not None and found.step == expected and len(problems) == suffered


@short_and_full("count", 80, 1000)
def test_every_corruption_is_noticed(
    make_run: MakeRun, tmp_path: Path, report: Report, count: int
) -> None:
    made = make_run(training__checkpoint_every=1, training__keep_checkpoints=3)
    run_all(made)
    assert [path.name[-1] for path in made.checkpoints()][-3:] == ["4", "5", "6"]
    dice, failures = random.Random(0), []
    run = RunFolder(tmp_path / "harmed")
    for number in range(count):
        shutil.copytree(made.checkpoints_dir, run.checkpoints_dir)
        harm = HARMS[number % len(HARMS)]
        name, suffered = harm_one_file(run.checkpoints_dir, harm, dice)
        if not is_noticed(run, suffered):
            failures.append(f"{harm.__name__} of {name}, number {number}")
        shutil.rmtree(run.path)
    report.claim("R6", failures, count, "a flipped bit, a cut, zeros, and a swap in turns")


@pytest.mark.parametrize("harm", HARMS)
def test_the_run_goes_on_from_the_one_before(make_run: MakeRun, harm: Harm) -> None:
    whole, run = (
        make_run(name, training__checkpoint_every=1, training__keep_checkpoints=3)
        for name in ("whole", "run")
    )
    run_all(whole)
    run_all(run)
    run.update_state(phase="interrupted")
    harm_one_file(run.checkpoints_dir, harm, random.Random(1))
    assert resume(run).outcome == "finished"
    weights = "adapter_model.safetensors"
    last = [(each.checkpoints()[-1] / weights).read_bytes() for each in (whole, run)]
    assert last[0] == last[1]
