"""`python -m tests.proof.train_once RUN`: resumes a run in a process of its own.

Only the last look at the adapter is left out: it starts one more process and takes seconds.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from core.control import Control
from core.events import AdapterProven, Event, RunEnded
from core.run_folder import RunFolder
from core.training import loop


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
    sys.exit(resume(RunFolder.open(Path(sys.argv[1]))).outcome != "finished")
