"""Train a run with little more address space than it has after loading; writes what came of it.

python -m tests.proof.limited_memory RUN BYTES   (0: as much as there is)
"""

import json
import resource
import sys
import warnings
from pathlib import Path

import psutil

from core.control import Control
from core.events import Event, Notice, RunEnded, RunStarted, StepDone
from core.run_folder import RunFolder
from core.training import loop

STATUS = Path("/proc/self/status")


def peak() -> int:
    """Largest address space so far, in bytes."""
    line = next(x for x in STATUS.read_text().splitlines() if x.startswith("VmPeak"))
    return int(line.split()[1]) * 1024


def main(run: Path, room: int) -> dict[str, object]:
    """Train `run`; return its losses and notices, how it ended, and how much room it took."""
    events: list[Event] = []
    size = 0
    for event in loop.train(RunFolder(run), Control()):
        events.append(event)
        if isinstance(event, RunStarted):
            size = psutil.Process().memory_info().vms
            if room:
                resource.setrlimit(resource.RLIMIT_AS, (size + room, resource.RLIM_INFINITY))
        if isinstance(event, StepDone):
            grown = peak() - size
    last = events[-1]
    assert isinstance(last, RunEnded)
    return {
        "losses": [event.loss for event in events if isinstance(event, StepDone)],
        "notices": [event.message for event in events if isinstance(event, Notice)],
        "outcome": last.outcome,
        "grown": grown,
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    loop.prove = lambda *_: iter(())  # type: ignore[assignment, return-value]
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]))) + "\n")
