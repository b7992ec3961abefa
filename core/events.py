"""What a job says while it works: frozen events, one JSON object per line.

The worker writes each event to its standard output and, while training, to `events.jsonl` in the
run folder. The file is the truth; the pipe is a convenience. JSON has no NaN, and a loss can be
NaN: non-finite numbers are written as the strings "nan", "inf" and "-inf".
"""

import dataclasses
import json
import logging
import math
import time
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from core.errors import UserError

logger = logging.getLogger(__name__)

OUTCOMES = ("finished", "stopped", "paused", "failed", "interrupted")


@dataclass(frozen=True, kw_only=True)
class Event:
    """Base of all events; `name` is the value of the key "event" in its JSON line.

    Attributes:
        seconds: Wall-clock time at which the event was made, in seconds since the epoch.
    """

    name: ClassVar[str] = ""
    seconds: float = field(default_factory=time.time)


@dataclass(frozen=True, kw_only=True)
class RunStarted(Event):
    """The model stands on its device and the first step is next.

    Attributes:
        inexact: What keeps a resumed run from giving the numbers of an uninterrupted one to the
            bit; empty where it gives them.
    """

    name: ClassVar[str] = "started"
    first_step: int
    total_steps: int
    parameters: int
    trainable_parameters: int
    rows: int
    steps_per_epoch: float
    device: str
    precision: str
    inexact: str = ""


@dataclass(frozen=True, kw_only=True)
class Progress(Event):
    """A phase of a job: loading, planning, tokenising, training, evaluating, saving or proving.

    Attributes:
        share: Done part of the phase between 0 and 1, or -1 where nobody can know.
    """

    name: ClassVar[str] = "progress"
    phase: str
    message: str
    share: float = -1.0


@dataclass(frozen=True, kw_only=True)
class StepDone(Event):
    """One optimizer step.

    Attributes:
        loss: Mean cross-entropy over the trained tokens of the effective batch, in nats.
        gradient_norm: Norm of the whole gradient before clipping.
        trained_tokens: Trained tokens of this step; `tokens` counts all of its real tokens.
        memory_bytes: Peak memory of the device so far (of the process on a CPU).
    """

    name: ClassVar[str] = "step"
    step: int
    loss: float
    learning_rate: float
    gradient_norm: float
    trained_tokens: int
    tokens: int
    tokens_per_second: float
    memory_bytes: int


@dataclass(frozen=True, kw_only=True)
class Evaluated(Event):
    """A pass over the held-out rows; `loss` is the mean over their trained tokens, in nats."""

    name: ClassVar[str] = "evaluation"
    step: int
    loss: float
    best: bool = False


@dataclass(frozen=True, kw_only=True)
class LossSpike(Event):
    """A loss of at least twice the usual one, or one of many that stay too high.

    Attributes:
        usual: Mean of the usual losses before it.
        diverging: It was one too many: training goes wrong for good.
    """

    name: ClassVar[str] = "spike"
    step: int
    loss: float
    usual: float
    diverging: bool = False


@dataclass(frozen=True, kw_only=True)
class Sampled(Event):
    """Sample answers at one evaluation.

    Attributes:
        samples: Per question "prompt", "wanted" (what the data answers) and "answer".
    """

    name: ClassVar[str] = "samples"
    step: int
    samples: list[dict[str, str]]


@dataclass(frozen=True, kw_only=True)
class CheckpointSaved(Event):
    """A checkpoint is complete, durable and may be announced."""

    name: ClassVar[str] = "checkpoint"
    step: int
    path: str
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class RanksComputed(Event):
    """The spectra of the adapter at `step` lie in the file `path` (see `core.ranks`)."""

    name: ClassVar[str] = "ranks"
    step: int
    path: str


@dataclass(frozen=True, kw_only=True)
class Notice(Event):
    """A sentence for the log of the run; `level` is "info", "warning" or "error".

    Attributes:
        guard: Which guard speaks (see `core.report.guards`), "" where none does.
    """

    name: ClassVar[str] = "notice"
    level: str
    message: str
    hint: str = ""
    guard: str = ""


@dataclass(frozen=True, kw_only=True)
class MemoryMeasured(Event):
    """The measured peak beside what the plan predicted, both for the training process in bytes."""

    name: ClassVar[str] = "memory"
    predicted_bytes: int
    measured_bytes: int


@dataclass(frozen=True, kw_only=True)
class AdapterProven(Event):
    """A fresh process has loaded the deliverable and found that it changes the model.

    Attributes:
        modules: Number of adapted modules.
        zero_modules: Names of adapted modules whose update is exactly zero.
        logit_difference: Largest absolute difference of a logit with and without the adapter.
        matched: Tensors of the adapter that came back as they were saved.
        lost: Names of those that did not.
        asked: Questions that it was asked; 0 where the rows have none.
        stopped: How many of its answers ended by themselves.
        template: "same" where the chat template beside the adapter writes what the model's own
            does, "other" where it does not, "" where there is none.
        general_before: Mean loss of the base model on a little general text, in nats per token; 0
            where nobody measured it.
        general_after: The same with the adapter.
    """

    name: ClassVar[str] = "proof"
    modules: int
    zero_modules: list[str]
    logit_difference: float
    matched: int = 0
    lost: list[str] = field(default_factory=list)
    asked: int = 0
    stopped: int = 0
    template: str = ""
    general_before: float = 0.0
    general_after: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Answer(Event):
    """A piece of streamed text; `speaker` is "base" or "adapter"."""

    name: ClassVar[str] = "answer"
    speaker: str
    text: str
    tokens: int
    tokens_per_second: float
    stop: str = ""


@dataclass(frozen=True, kw_only=True)
class Reply(Event):
    """The result of a short job, as plain JSON data."""

    name: ClassVar[str] = "reply"
    data: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class RunEnded(Event):
    """The last event of every job, exactly once; `outcome` is one of `OUTCOMES`.

    Attributes:
        guard: Which guard ended the run, "" where none did.
    """

    name: ClassVar[str] = "ended"
    outcome: str
    step: int = 0
    adapter: str = ""
    message: str = ""
    hint: str = ""
    details: str = ""
    guard: str = ""

    @classmethod
    def failed(cls, error: UserError) -> "RunEnded":
        """Return the outcome for something that the user can mend."""
        return cls(outcome="failed", message=error.message, hint=error.hint, details=error.details)

    @classmethod
    def unexpected(cls, error: Exception) -> "RunEnded":
        """Return the outcome for an error that nobody foresaw, its traceback in the details."""
        return cls(
            outcome="failed",
            message=f"Something went wrong inside the worker: {error or type(error).__name__}",
            hint="The details help us to find the cause; your last checkpoint is safe.",
            details="".join(traceback.format_exception(error)),
        )

    @classmethod
    def lost(cls, exit_code: int | None, log_tail: str) -> "RunEnded":
        """Return the outcome of a worker that died without a word."""
        ending = f"exit code {exit_code}" if exit_code is not None else "no exit code"
        return cls(
            outcome="interrupted",
            message=f"The worker process ended without a word ({ending}).",
            hint="Everything up to the last checkpoint is safe. Resume to go on from there.",
            details=log_tail,
        )


_EVENTS: dict[str, type[Event]] = {kind.name: kind for kind in Event.__subclasses__()}
_KEYS = {kind.name: {f.name for f in dataclasses.fields(kind)} for kind in _EVENTS.values()}
_FLOATS = {
    kind.name: [f.name for f in dataclasses.fields(kind) if f.type is float]
    for kind in _EVENTS.values()
}


def _spell(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: _spell(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_spell(item) for item in value]
    return value


def to_line(event: Event, **envelope: Any) -> str:
    """Return the JSON line of `event`, without a newline; `envelope` adds keys such as `seq`."""
    content = {"event": event.name, **envelope, **dataclasses.asdict(event)}
    # ASCII alone: a file name may hold half a surrogate pair, which no pipe takes, and a message
    # U+2028, at which str.splitlines would cut the line in two.
    return json.dumps(_spell(content), allow_nan=False)


def from_line(line: str) -> Event | None:
    """Return the event on `line`, or None if it is malformed or unknown (both are logged)."""
    try:
        content = json.loads(line)
        kind = _EVENTS[content["event"]]
        known = _KEYS[kind.name]
        arguments = {key: value for key, value in content.items() if key in known}
        arguments |= {k: float(arguments[k]) for k in _FLOATS[kind.name] if k in arguments}
        return kind(**arguments)
    except (ValueError, KeyError, TypeError, RecursionError):
        logger.warning("ignored a line that is no event: %.200s", line)
        return None


def events_in(lines: Iterable[str]) -> Iterator[Event]:
    """Yield the events on `lines`, in their order, without those that are none."""
    return (event for line in lines if (event := from_line(line)) is not None)
