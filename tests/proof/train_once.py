"""`python -m tests.proof.train_once RUN…`: resumes runs, each in a process of its own.

The processes are forked from this one, which has imported everything and trained nothing. Only the
last look at the adapter is left out: it starts one more process and takes seconds.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from core.control import Control
from core.events import AdapterProven, Event, RunEnded
from core.run_folder import RunFolder
from core.training import loop
from tests.proof.harness import fork, reap


def vouch(*_: object) -> Iterator[Event]:
    yield AdapterProven(modules=14, zero_modules=[], logit_difference=1.0)


def resume(run: RunFolder, control: Control | None = None) -> RunEnded:
    """Train `run` from its newest checkpoint on, and return how that ended."""
    *_, last = loop.train(run, control or Control(), resume=True)
    assert isinstance(last, RunEnded)
    return last


if __name__ == "__main__":
    torch.set_num_threads(1)
    loop.prove = vouch
    for name in sys.argv[1:]:
        run = RunFolder.open(Path(name))
        if reap(fork(lambda run=run: resume(run))):  # type: ignore[misc]
            sys.exit(f"{name} could not be resumed")
