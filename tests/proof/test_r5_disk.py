"""R5: a disk that is full or refuses costs no checkpoint, and never goes unnoticed."""

import errno
import json
import os
import resource
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from core.control import Control
from core.events import CheckpointSaved, Event, RunEnded
from core.run_folder import RunFolder
from core.training import loop
from core.training.checkpoint import CheckpointStore
from tests.core.training.conftest import MakeRun
from tests.core.training.engine import asks, files_of, of, run_all
from tests.proof.harness import Report, fork, linux_only, reap, short_and_full
from tests.proof.operations import Operation, heard
from tests.proof.small_disk import enter_a_namespace, make_read_only, mount_small

pytestmark = [linux_only, pytest.mark.usefixtures("quick_proof")]


@dataclass(frozen=True)
class Refusal:
    """How a disk refuses.

    Attributes:
        how: limit (of the size of a file), full (ENOSPC from a byte on), read-only, tmpfs (a real
            file system with so many free bytes) or frozen (one that was remounted read-only).
        size: Bytes that it still takes.
    """

    how: str
    size: int


def spread(count: int, most: int) -> list[int]:
    return [round(1 + (most - 1) * n / max(1, count - 1)) for n in range(count)]


FULL = tuple(
    Refusal(how, size)
    for how, count, most in (
        ("limit", 17, 12_000),
        ("full", 17, 120_000),
        ("read-only", 3, 40_000),
        ("tmpfs", 11, 90_000),
        ("frozen", 2, 1),
    )
    for size in spread(count, most)
)
SHORT = tuple(Refusal(how, 9_000) for how in ("limit", "full", "read-only", "tmpfs", "frozen"))


def full_after(size: int, code: int) -> Callable[[Operation, Callable[[], Any]], Any]:
    """Return a disk that takes `size` more bytes, and answers `code` from then on."""
    taken = 0

    def hear(operation: Operation, do: Callable[[], Any]) -> Any:
        nonlocal taken
        taken += len(operation.data)
        takes_room = operation.kind in ("write", "open", "mkdir")
        if taken > size and (takes_room or code == errno.EROFS):
            raise OSError(code, os.strerror(code))
        return do()

    return hear


def train_on(run: RunFolder, answer: Path, refusal: Refusal) -> None:
    """Resume `run` under a refusal, and write down what was said: what was saved, how it ended."""
    place = run.path.parent
    if refusal.how in ("tmpfs", "frozen"):
        if not enter_a_namespace():
            answer.write_text("not allowed")
            return
        aside = place.with_name(f"{place.name}-aside")
        shutil.copytree(place, aside)
        used = sum(f.stat().st_size // 4096 + 1 for f in aside.rglob("*")) * 4096
        mount_small(place, used + refusal.size + (0 if refusal.how == "tmpfs" else 2**22))
        shutil.copytree(aside, place, dirs_exist_ok=True)
    if refusal.how == "frozen":
        make_read_only(place)
    if refusal.how == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (refusal.size, resource.RLIM_INFINITY))
    if refusal.how in ("full", "read-only"):
        code = errno.ENOSPC if refusal.how == "full" else errno.EROFS
        with heard(full_after(refusal.size, code)):
            events = list(loop.train(run, Control(), resume=True))
    else:
        events = list(loop.train(run, Control(), resume=True))
    if refusal.how == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    answer.write_text(json.dumps(verdict(run, events)))


def verdict(run: RunFolder, events: list[Event]) -> dict[str, Any]:
    """What the run said, and what is really on the disk."""
    ended = events[-1]
    assert isinstance(ended, RunEnded)
    store = CheckpointStore(run.checkpoints_dir, keep=9)
    valid = [n for n in range(1, 7) if store.find(n) is not None]
    return {
        "announced": [event.step for event in of(CheckpointSaved, events)],
        "valid": valid,
        "outcome": ended.outcome,
        "words": ended.message,
        "hint": ended.hint,
    }


def fault_of(seen: dict[str, Any]) -> str:
    """What is wrong with what was seen, "" for nothing."""
    newest = max(seen["valid"], default=0)
    if newest < max([3, *seen["announced"]]):
        return f"a saved step is gone: {seen}"
    if seen["outcome"] == "finished":
        return "" if newest == 6 else f"finished without its last checkpoint: {seen}"
    told = seen["outcome"] in ("paused", "failed") and seen["words"] and seen["hint"]
    return "" if told else f"it ended without a word: {seen}"


@short_and_full("refusals", SHORT, FULL)
def test_nothing_is_lost_and_nothing_is_silent(
    make_run: MakeRun, tmp_path: Path, report: Report, refusals: tuple[Refusal, ...]
) -> None:
    begun = make_run("begun", training__checkpoint_every=1, training__keep_checkpoints=9)
    run_all(begun, on_event=asks("pause", 3))
    failures, outcomes = [], []
    for number, refusal in enumerate(refusals):
        place, answer = tmp_path / f"disk-{number}", tmp_path / f"answer-{number}"
        run = RunFolder(place / "run")
        shutil.copytree(begun.path, run.path)
        reap(fork(lambda run=run, answer=answer, refusal=refusal: train_on(run, answer, refusal)))
        seen = answer.read_text() if answer.exists() else ""
        if seen == "not allowed":
            continue
        outcomes.append(json.loads(seen)["outcome"] if seen else "died")
        fault = fault_of(json.loads(seen)) if seen else "the process broke down"
        failures += [f"{refusal}: {fault}"] if fault else []
    counted = ", ".join(f"{outcomes.count(word)} {word}" for word in sorted(set(outcomes)))
    detail = f"{counted}; size limits, ENOSPC, EROFS, a full and a read-only file system"
    report.claim("R5", failures, len(outcomes), detail)


def test_the_run_goes_on_when_there_is_room_again(make_run: MakeRun) -> None:
    whole, run = make_run("whole"), make_run("run")
    run_all(whole)
    run_all(run, on_event=asks("pause", 3))
    with heard(full_after(20_000, errno.ENOSPC)):
        ended = run_all(run, resume=True)[-1]
    assert isinstance(ended, RunEnded)
    assert ended.outcome == "paused"
    assert "No space left" in ended.message
    assert run_all(run, resume=True)[-1].outcome == "finished"  # type: ignore[attr-defined]
    assert files_of(run.checkpoints()[-1]) == files_of(whole.checkpoints()[-1])
