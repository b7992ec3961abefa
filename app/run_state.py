"""The states of a run as the window shows them; widgets enable themselves from this table."""

from dataclasses import dataclass
from enum import Enum


class RunPhase(Enum):
    """Where the run is."""

    NO_PLAN = "no plan"
    READY = "ready"
    PREPARING = "preparing"
    RUNNING = "running"
    PAUSING = "pausing"
    STOPPING = "stopping"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Face:
    """How a phase looks and what it allows.

    Attributes:
        word: The state in a word or two.
        dot: Drawing of the dot: ring, gap, turning, play, pause, check, square, cross, half.
        tone: Colour token.
        start: Label of the first button, empty where it is disabled.
        can_pause: Whether Pause is enabled; `can_stop` likewise.
    """

    word: str
    dot: str
    tone: str
    start: str = ""
    can_pause: bool = False
    can_stop: bool = False


FACES: dict[RunPhase, Face] = {
    RunPhase.NO_PLAN: Face("Choose a model", "dashed", "text_3"),
    RunPhase.READY: Face("Ready", "ring", "text_3", start="Start"),
    RunPhase.PREPARING: Face("Preparing", "turning", "text_2", can_stop=True),
    RunPhase.RUNNING: Face("Running", "play", "ok", can_pause=True, can_stop=True),
    RunPhase.PAUSING: Face("Pausing", "gap", "warn", can_stop=True),
    RunPhase.STOPPING: Face("Stopping", "gap", "text_2", can_stop=True),
    RunPhase.PAUSED: Face("Paused", "pause", "warn", start="Resume"),
    RunPhase.FINISHED: Face("Finished", "check", "ok", start="Start new run"),
    RunPhase.STOPPED: Face("Stopped", "square", "text_2", start="Resume"),
    RunPhase.FAILED: Face("Failed", "cross", "danger", start="Start new run"),
    RunPhase.INTERRUPTED: Face("Interrupted", "half", "warn", start="Resume"),
}

ALIVE = frozenset({RunPhase.PREPARING, RunPhase.RUNNING, RunPhase.PAUSING, RunPhase.STOPPING})
"""Phases in which a worker is at work."""

RESUMABLE = frozenset({RunPhase.PAUSED, RunPhase.STOPPED, RunPhase.INTERRUPTED})
"""Phases from which a run can go on."""
