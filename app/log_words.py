"""The events of a run in words, for people who read along."""

from dataclasses import dataclass

from app.amounts import off_by
from app.setting_words import titled
from app.words import file_size, plural
from core.events import (
    AdapterProven,
    CheckpointSaved,
    Evaluated,
    Event,
    LossSpike,
    MemoryMeasured,
    Notice,
    RanksComputed,
    RunEnded,
    RunStarted,
    Sampled,
)
from core.memory.amounts import gib

_MOST_CHARACTERS = 2000
"""Of a notice; the whole of it is in the run's events.jsonl. A line of 1 MB takes a second to lay
out."""


@dataclass(frozen=True)
class LogLine:
    """One line of the log.

    Attributes:
        kind: "info", "warning" or "checkpoint", for the filter.
        tone: Token of the icon's colour.
    """

    seconds: float
    icon: str
    tone: str
    text: str
    kind: str = "info"


def log_line(event: Event) -> LogLine | None:
    """Return the line for an event, or None for one that is not worth a line."""
    words = _words(event)
    if words is None:
        return None
    icon, tone, text, kind = words
    return LogLine(event.seconds, icon, tone, text, kind)


def _words(event: Event) -> tuple[str, str, str, str] | None:
    match event:
        case RunStarted():
            return "cpu", "text_2", _started(event), "info"
        case Evaluated() | LossSpike() | Sampled() | RanksComputed():
            return _looked(event)
        case CheckpointSaved():
            text = f"Checkpoint of step {event.step} saved, {file_size(event.size_bytes)}."
            return "bookmark", "text_2", text, "checkpoint"
        case Notice():
            return _notice(event)
        case MemoryMeasured():
            return "memory-stick", "text_2", _memory(event), "info"
        case AdapterProven():
            return _proof(event)
        case RunEnded():
            return _ending(event)
    return None


def _started(event: RunStarted) -> str:
    trained = f"{event.trainable_parameters:,} of {event.parameters:,} parameters learn"
    exact = f"gives the weights only: {event.inexact}" if event.inexact else "is exact, to the bit."
    return f"Started: {trained}. A resume {exact}"


def _looked(
    event: Evaluated | LossSpike | Sampled | RanksComputed,
) -> tuple[str, str, str, str]:
    """Return the line for what was seen at a step."""
    at = f"at step {event.step}"
    match event:
        case Evaluated(best=True):
            return "check", "ok", f"Validation {event.loss:.3f} {at}, the best so far.", "info"
        case Evaluated():
            return "chart-line", "text_2", f"Validation {event.loss:.3f} {at}.", "info"
        case LossSpike():
            times = event.loss / max(event.usual, 1e-9)
            text = f"Loss spike {at}: {event.loss:.2f}, {times:.1f} times the usual."
            return "triangle-alert", "warn", text, "warning"
        case Sampled():
            text = f"{plural(len(event.samples), 'question')} answered {at}."
            return "message-square", "text_2", text, "info"
    return "chart-no-axes-column", "text_2", f"Ranks updated {at}.", "info"


def _notice(event: Notice) -> tuple[str, str, str, str]:
    text = titled(f"{event.message} {event.hint}".strip())[:_MOST_CHARACTERS]
    if event.level == "info":
        return "info", "text_2", text, "info"
    error = event.level == "error"
    return "circle-x" if error else "triangle-alert", "danger" if error else "warn", text, "warning"


def _memory(event: MemoryMeasured) -> str:
    text = f"Measured peak {gib(event.measured_bytes)}"
    if event.predicted_bytes and event.measured_bytes:
        off = off_by(event.predicted_bytes, event.measured_bytes)
        text += f", predicted {gib(event.predicted_bytes)}, off by {off}"
    return f"{text}."


def _proof(event: AdapterProven) -> tuple[str, str, str, str]:
    if event.zero_modules:
        text = f"{plural(len(event.zero_modules), 'module')} of {event.modules} learned nothing."
        return "triangle-alert", "warn", text, "warning"
    text = (
        f"Proven in a fresh process: all {event.modules} modules changed, "
        f"logits differ by up to {event.logit_difference:.2f}"
    )
    if event.asked:
        text += f", {event.stopped} of {event.asked} answers stopped by themselves"
    text += "."
    return "circle-check", "ok", text, "info"


def _ending(event: RunEnded) -> tuple[str, str, str, str]:
    text = titled(f"{event.message} {event.hint}".strip())
    faces = {
        "finished": ("circle-check", "ok", "Finished."),
        "stopped": ("square", "text_2", "Stopped and saved."),
        "paused": ("pause", "warn", "Paused; the device is free."),
        "failed": ("circle-x", "danger", "Failed."),
    }
    icon, tone, short = faces.get(event.outcome, ("triangle-alert", "warn", "Interrupted."))
    kind = "warning" if event.outcome in ("failed", "interrupted") else "info"
    return icon, tone, text or short, kind
