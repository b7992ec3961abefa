"""R3: a process that dies at any single operation of a save leaves a state to go on from."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from core.durable import replace_file
from core.run_folder import RunFolder
from core.training.checkpoint import Checkpoint, CheckpointStore, sweep
from core.training.deliverable import _replace_folder
from core.training.keeper import Keeper
from tests.core.training.conftest import MakeRun
from tests.core.training.engine import asks, files_of, run_all
from tests.proof.harness import Report, fork, linux_only, reap, short_and_full
from tests.proof.operations import DIED, Death, heard
from tests.proof.train_once import resume

pytestmark = [linux_only, pytest.mark.usefixtures("quick_proof")]


@dataclass(frozen=True)
class Case:
    """Something that must survive a death.

    Attributes:
        prepare: Lays out the folder as it is before.
        act: What the process does when it dies.
        whole: Whether the folder, found again, holds the old or the new, and no part of one.
    """

    prepare: Callable[[Path], object]
    act: Callable[[Path], object]
    whole: Callable[[Path], bool]


def content(step: int) -> dict[str, Callable[[], bytes]]:
    return {"weights": lambda: bytes([step]) * 9999, "cursor": lambda: b"%d" % step}


def save(folder: Path, *steps: int) -> None:
    store = CheckpointStore(folder, keep=2)
    for step in steps:
        store.save(step, content(step), {"base": "abc"})
        store.prune(best=-1)


def newest(folder: Path) -> tuple[int, bool]:
    """The step that a resume would find, and whether all that is there is in order."""
    sweep(folder)
    found, problems = CheckpointStore(folder, keep=2).newest()
    tidy = not problems and not list(folder.glob(".*"))
    return found.step if found else 0, tidy


def swap_adapter(folder: Path, step: int) -> None:
    source = folder / f"source-{step}"
    source.mkdir(exist_ok=True)
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        (source / name).write_bytes(bytes([step]) * 5000)
    _replace_folder(folder / "adapter", Checkpoint(source, {}), {"README.md": f"step {step}"})


def adapter_is_whole(folder: Path) -> bool:
    sweep(folder)
    files = [path.read_bytes() for path in sorted((folder / "adapter").iterdir())]
    step = int(files[0].decode().removeprefix("step "))
    return files[1:] == [bytes([step]) * 5000] * 2


CASES = {
    "a save and a prune": Case(
        lambda folder: save(folder, 1, 2),
        lambda folder: save(folder, 3),
        lambda folder: newest(folder) in ((2, True), (3, True)),
    ),
    "the only checkpoint once more": Case(
        lambda folder: save(folder, 1),
        lambda folder: save(folder, 1),
        lambda folder: newest(folder) == (1, True),
    ),
    "a file": Case(
        lambda folder: replace_file(folder / "state.json", b"old" * 999),
        lambda folder: replace_file(folder / "state.json", b"new" * 999),
        lambda folder: (folder / "state.json").read_bytes() in (b"old" * 999, b"new" * 999),
    ),
    "the first adapter": Case(
        lambda folder: None,
        lambda folder: swap_adapter(folder, 1),
        lambda folder: not (folder / "adapter").exists() or adapter_is_whole(folder),
    ),
    "another adapter": Case(
        lambda folder: swap_adapter(folder, 1),
        lambda folder: swap_adapter(folder, 2),
        adapter_is_whole,
    ),
}


def dies(folder: Path, act: Callable[[Path], object], at: int) -> bool:
    def work() -> None:
        with heard(Death(at)):
            act(folder)

    return reap(fork(work)) == DIED


def failures_of(name: str, home: Path, every: int) -> tuple[list[str], int]:
    """Let the case die at every n-th point; return where that was its end, and how many it were."""
    case, failures = CASES[name], []
    home.mkdir()
    for tried, point in enumerate(range(0, 1000, every)):
        folder = home / "case"
        folder.mkdir()
        case.prepare(folder)
        if not dies(folder, case.act, point):
            return failures, tried
        if not case.whole(folder):
            failures.append(f"{name}, point {point}")
        shutil.rmtree(folder)
    raise AssertionError("it never came to an end")


def dies_while_training(run: RunFolder, at: int) -> bool:
    """Resume `run`, and die at point `at` of its next save; training waits for each of them."""
    plain = Keeper._write

    def write(keeper: Keeper, *arguments: Any) -> Checkpoint:
        with heard(Death(at)):
            plain(keeper, *arguments)
        os._exit(0)

    def work() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("core.training.keeper._ROOM", 10**12)
            patch.setattr(Keeper, "_write", write)
            resume(run)

    return reap(fork(work)) == DIED


@short_and_full("every", 29, 1)
def test_a_death_at_any_operation_is_survived(
    make_run: MakeRun, report: Report, every: int
) -> None:
    changes = {"training__checkpoint_every": 1, "adapter__dropout": 0.1}
    whole, begun = make_run("whole", **changes), make_run("begun", **changes)
    run_all(whole)
    run_all(begun, on_event=asks("pause", 3))
    run = RunFolder(begun.path.with_name("run"))
    failures: list[str] = []
    points = tried = 0
    for points in range(0, 1000, every):
        shutil.copytree(begun.path, run.path)
        if not dies_while_training(run, points):
            break
        tried += 1
        ended = resume(run)
        last = run.checkpoints()[-1]
        if ended.outcome != "finished" or files_of(last) != files_of(whole.checkpoints()[-1]):
            failures.append(f"point {points} of a save in training")
        shutil.rmtree(run.path)
    assert tried
    for name in CASES:
        more, count = failures_of(name, begun.path.with_name(name.replace(" ", "-")), every)
        failures += more
        tried += count
    detail = f"{points} points of a save in training, the others of {', '.join(CASES)}"
    report.claim("R3", failures, tried, detail)
