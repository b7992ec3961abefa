"""`python -m tests.proof.dying_worker`: a worker with real checkpoints that dies at random.

As `tests.app.fake_worker` it trains nothing and is quick; its steps and checkpoints are in the run
folder. How it dies is the first word of the run's name: exit, segfault, memory (an uncaught
MemoryError), kill or segv (from outside), deaf (a stop is ignored for good) or hang (it saves, says
that it has stopped, and never ends).
"""

import ctypes
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from core.training.checkpoint import CheckpointStore
from tests.app import fake_worker
from tests.app.fake_worker import Job

STEP_SECONDS = 0.01


def train(job: Job, how: str) -> None:
    """Step and save until it is time to die, or somebody asks for a stop."""
    dies_at = time.monotonic() + random.random() * 0.5 if how in DEATHS else float("inf")
    store, step = CheckpointStore(job.folder / "checkpoints", keep=2), 0  # type: ignore[operator]
    job.started()
    while how == "deaf" or "stop" not in fake_worker.asked:
        step += 1
        job.step(step)
        if step % 3 == 0:
            save(job, store, step)
        if time.monotonic() > dies_at:
            DEATHS[how]()
        time.sleep(STEP_SECONDS)
    save(job, store, step)
    job.end("stopped", step)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Event().wait()


def save(job: Job, store: CheckpointStore, step: int) -> None:
    checkpoint = store.save(step, {"weights": lambda: bytes([step % 256]) * 999}, {})
    store.prune(best=-1)
    job.write(event="checkpoint", step=step, path=str(checkpoint.path), size_bytes=999)


def run_out_of_memory() -> None:
    raise MemoryError


DEATHS: dict[str, Callable[[], Any]] = {
    "exit": lambda: os._exit(11),
    "segfault": lambda: ctypes.string_at(0),
    "memory": run_out_of_memory,
}


def main() -> None:
    threading.Thread(target=fake_worker.read, daemon=True).start()
    while not fake_worker.jobs:
        if fake_worker.done_reading.is_set():
            return
        time.sleep(0.002)
    job = Job(fake_worker.jobs.pop(0))
    train(job, job.folder.name.split("-")[0])  # type: ignore[union-attr]


if __name__ == "__main__":
    main()
