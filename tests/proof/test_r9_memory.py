"""R9: memory that runs out costs neither a step nor the effective batch."""

import random
import resource
from pathlib import Path

import pytest
import torch

from core.events import Notice, StepDone
from tests.core.training.conftest import MakeRun
from tests.core.training.engine import ended, losses, of, run_all
from tests.core.training.test_out_of_memory import FACES, exhaust
from tests.proof.harness import Report, fork, linux_only, reap, short_and_full

pytestmark = pytest.mark.usefixtures("quick_proof")

STEPS = 8
CHANGES = {"training__micro_batch": 16, "training__steps": STEPS, "training__evaluate_every": 100}
ROOM_BYTES = 64 * 2**20


@short_and_full("count", 4, 50)
def test_losses_are_those_of_a_run_with_room(make_run: MakeRun, report: Report, count: int) -> None:
    plain, dice, failures = losses(run_all(make_run("plain", **CHANGES))), random.Random(0), []
    for trial in range(count):
        with pytest.MonkeyPatch.context() as patch:
            exhaust(patch, {dice.randint(1, STEPS), dice.randint(1, STEPS)}, dice.choice(FACES))
            events = run_all(make_run(f"run-{trial}", **CHANGES))
        if losses(events) != pytest.approx(plain, abs=1e-6):
            failures.append(f"trial {trial}: {ended(events).message}")
    report.claim("R9", failures, count, "errors of CUDA, cuBLAS, CPU and Python at random moments")


@linux_only
@short_and_full("full", False, True)
def test_a_real_limit_of_the_process_is_met(make_run: MakeRun, report: Report, full: bool) -> None:
    """The logits of 16 rows do not fit under the limit; those of fewer do."""
    run = make_run("limited", **{**CHANGES, "training__label_smoothing": 0.0})

    def train_with_little_room() -> None:
        from core.training.passage import Passage

        plain = Passage.loss

        def hungry(self: Passage, batch: object, *arguments: object) -> object:
            """Ask for memory in proportion to the tokens, as the logits of a large model do."""
            torch.empty(batch.tokens, ROOM_BYTES // 400, dtype=torch.uint8).fill_(1)  # type: ignore[attr-defined]
            return plain(self, batch, *arguments)  # type: ignore[arg-type]

        Passage.loss = hungry  # type: ignore[assignment,method-assign]
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        used = pages * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + ROOM_BYTES, used + ROOM_BYTES))
        events = run_all(run)
        assert ended(events).outcome == "finished"

    code = reap(fork(train_with_little_room))
    events = list(run.events())
    halved = [n for n in of(Notice, events) if "ran out of memory" in n.message]
    steps = [event.step for event in of(StepDone, events)]
    failures = [] if code == 0 and halved and steps == list(range(1, STEPS + 1)) else [f"{code}"]
    report.claim("R9-limit", failures, 1, f"RLIMIT_AS: {len(halved)} times halved, no step lost")
