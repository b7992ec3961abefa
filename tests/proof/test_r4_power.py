"""R4: whatever a loss of power leaves on the disk holds the last checkpoint that was announced."""

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from core.training.checkpoint import CheckpointStore, sweep
from tests.proof.harness import Report, linux_only, short_and_full
from tests.proof.lost_power import Disk, write_out
from tests.proof.operations import Operation, heard

pytestmark = linux_only

SAVES = (1, 2, 3, 3, 4, 5)  # one of them twice: an evaluation came after its checkpoint
Log = list[Operation | int]
"""Operations, and in between the steps that were announced as saved."""


@dataclass(frozen=True)
class Amount:
    """Looks after every n-th operation, and at so many random choices of what was written."""

    every: int
    samples: int


def content(step: int) -> dict[str, Callable[[], bytes]]:
    return {"weights": lambda: bytes([step]) * 3000, "cursor": lambda: b"%d" % step}


def log_of_saves(folder: Path) -> Log:
    log: Log = []

    def hear(operation: Operation, do: Callable[[], Any]) -> Any:
        result = do()
        log.append(operation)
        return result

    store = CheckpointStore(folder, keep=2)
    with heard(hear):
        for step in SAVES:
            store.save(step, content(step), {"base": "abc"})
            log.append(step)
            store.prune(best=-1)
    return log


def newest_checkpoint(folder: Path) -> int:
    """The step of the newest valid checkpoint, 0 for none."""
    sweep(folder)
    found, _ = CheckpointStore(folder, keep=2).newest()
    if found is None:
        return 0
    assert found.read("weights") == bytes([found.step]) * 3000
    return found.step


def log_of_plain_saves(folder: Path) -> Log:
    """What safetensors 0.8 does, as `strace` shows it: a file beside, its length, bytes, rename."""
    log: Log = []
    for step in SAVES:
        beside = folder / f".tmp{step}"
        tensors = {"weights": torch.full((750,), float(step))}
        log += [Operation("open", beside), Operation("write", beside, data=save(tensors))]
        log += [Operation("rename", beside, folder / "model.safetensors"), step]
    return log


def newest_plain(folder: Path) -> int:
    try:
        return int(load_file(folder / "model.safetensors")["weights"][0])
    except (FileNotFoundError, SafetensorError):
        return 0


def count_losses(
    log: Log, root: Path, newest: Callable[[Path], int], amount: Amount
) -> tuple[list[str], int]:
    """Look into the states that the prefixes of `log` allow; return those that lost something."""
    disk, dice, failures, states = Disk(root), random.Random(0), [], 0
    announced, found = 0, root.with_name("found")
    for number, entry in enumerate(log):
        if isinstance(entry, int):
            announced = entry
        else:
            disk.take(entry)
        if number % amount.every:
            continue
        for tree, loss in disk.states(dice, amount.samples):
            states += 1
            write_out(tree, found, loss)
            step = newest(found)
            if step < announced:
                failures.append(f"after {number + 1} operations ({loss}): {step} < {announced}")
            shutil.rmtree(found)
    return failures, states


@short_and_full("amount", Amount(every=4, samples=0), Amount(every=1, samples=8))
def test_no_announced_checkpoint_is_lost(tmp_path: Path, report: Report, amount: Amount) -> None:
    root = tmp_path / "root"
    root.mkdir()
    log = log_of_saves(root)
    failures, states = count_losses(log, root, newest_checkpoint, amount)
    report.claim("R4", failures, states, f"states of {len(log)} operations in {len(SAVES)} saves")


@short_and_full("amount", Amount(every=4, samples=0), Amount(every=1, samples=8))
def test_a_plain_save_loses_them(tmp_path: Path, report: Report, amount: Amount) -> None:
    """The control: the model of the disk is not too kind."""
    root = tmp_path / "root"
    log = log_of_plain_saves(root)
    failures, states = count_losses(log, root, newest_plain, amount)
    assert failures
    detail = "the same model of a disk under safetensors' save_file"
    report.note("R4-control", states - len(failures), states, detail)
