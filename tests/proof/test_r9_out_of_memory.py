"""R9: memory that is not there, injected at random micro-batches and for real."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.events import Notice, StepDone
from tests.core.training.conftest import MakeRun
from tests.core.training.engine import ended, losses, of, run_all
from tests.core.training.test_out_of_memory import FACES, MORE_FACES, exhaust
from tests.proof.harness import ROOT, Report, linux_only, short_and_full

pytestmark = pytest.mark.usefixtures("quick_proof")

STEPS = 8
CLOSE = 1e-6  # nats, in fp32
SHARE = 0.6  # of the room that the run takes without a limit


@short_and_full("trials", 2, 50)
def test_r9(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, report: Report, trials: int
) -> None:
    changes = {"training__micro_batch": 8, "training__accumulation": 2, "training__steps": STEPS}
    plain = losses(run_all(make_run("plain", **changes)))
    dice, worst, failures = random.Random(9), 0.0, []
    for trial in range(trials):
        calls = {dice.randint(1, 2 * STEPS) for _ in range(dice.randint(1, 3))}
        face = dice.choice([*FACES, *MORE_FACES])
        with monkeypatch.context() as patch:
            exhaust(patch, calls, face)
            events = run_all(make_run(f"run-{trial}", **changes))
        off = max(abs(a - b) for a, b in zip(losses(events), plain, strict=False))
        worst = max(worst, off)
        steps = [event.step for event in of(StepDone, events)]
        told = any("micro-batch is halved" in notice.message for notice in of(Notice, events))
        whole = ended(events).outcome == "finished" and steps == list(range(1, STEPS + 1))
        if not (whole and told and off <= CLOSE):
            failures.append(f"{face!r} at {calls}")
    words = f"no step lost, effective batch kept, losses within {worst:.0e} of the reference"
    report.claim("R9", failures, trials, words)


def train_in_child(run: Path, room: int) -> dict[str, Any]:
    """Train with that much address space beyond what loading took; 0: as much as there is."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    command = [sys.executable, "-m", "tests.proof.limited_memory", str(run), str(room)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@linux_only
@pytest.mark.slow
def test_r9_for_real(make_run: MakeRun, tmp_path: Path, report: Report) -> None:
    """Eager attention over long rows, which holds all scores, under RLIMIT_AS."""
    rows = tmp_path / "long.jsonl"
    answers = [" ".join(f"word{i * j % 97}" for j in range(90)) for i in range(60)]
    lines = [json.dumps({"prompt": "Go on.", "completion": answer}) for answer in answers]
    rows.write_text("\n".join(lines), "utf-8")
    changes = {
        "data__path": str(rows), "data__max_length": 500, "data__held_out": 0.0,
        "model__attention": "eager", "training__micro_batch": 32, "training__steps": 3,
    }  # fmt: skip
    plain = train_in_child(make_run("plain", **changes).path, 0)
    room = int(SHARE * plain["grown"])
    tight = train_in_child(make_run("tight", **changes).path, room)
    halved = any("halved from 32 to 16 rows" in notice for notice in tight["notices"])
    off = [abs(a - b) for a, b in zip(plain["losses"], tight["losses"], strict=True)]
    good = halved and tight["outcome"] == "finished" and max(off) <= CLOSE
    given, usual = (size / 2**20 for size in (room, plain["grown"]))
    words = f"RLIMIT_AS at {given:.0f} MiB of {usual:.0f}, off by {max(off):.1e}"
    report.claim("R9-limit", [] if good else [str(tight)], 1, words)
