"""Events in words."""

import pytest

from app.log_words import log_line
from core.events import (
    AdapterProven,
    CheckpointSaved,
    Evaluated,
    MemoryMeasured,
    Notice,
    Progress,
    RunEnded,
)

GIB = 2**30


@pytest.mark.parametrize(
    ("event", "text", "kind"),
    [
        (
            Evaluated(step=140, loss=2.405, best=True),
            "Validation 2.405 at step 140, the best so far.",
            "info",
        ),
        (
            CheckpointSaved(step=120, path="x", size_bytes=51_000_000),
            "Checkpoint of step 120 saved, 51 MB.",
            "checkpoint",
        ),
        (Notice(level="warning", message="A spike.", hint="Wait."), "A spike. Wait.", "warning"),
        (
            MemoryMeasured(predicted_bytes=int(1.86 * GIB), measured_bytes=int(1.83 * GIB)),
            "Measured peak 1.83 GiB, predicted 1.86 GiB, off by +1.6 %.",
            "info",
        ),
        (
            AdapterProven(modules=210, zero_modules=["a"], logit_difference=0.0),
            "1 module of 210 learned nothing.",
            "warning",
        ),
        (
            RunEnded(outcome="failed", message="Out of memory.", hint=""),
            "Out of memory.",
            "warning",
        ),
        (RunEnded(outcome="paused"), "Paused; the device is free.", "info"),
    ],
)
def test_words(event: object, text: str, kind: str) -> None:
    line = log_line(event)  # type: ignore[arg-type]
    assert (line.text, line.kind) == (text, kind)


def test_progress_is_no_line() -> None:
    assert log_line(Progress(phase="saving", message="x")) is None
