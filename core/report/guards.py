"""The guards of a run, R1 to R10: what each watched, and what it had to say."""

from collections.abc import Iterable
from dataclasses import dataclass

from core.events import Event, LossSpike, Notice, RunEnded

WATCHED = {
    "R1": "Every loss, gradient and weight was a number.",
    "R2": "The loss was never exactly zero twice in a row.",
    "R3": "The loss kept moving.",
    "R4": "The memory was enough.",
    "R5": "No step was slowed down by a full GPU.",
    "R6": "The validation loss did not stay behind its best.",
    "R7": "The disk took every checkpoint.",
    "R8": "A worker that falls silent is told of in the window, while it lasts.",
    "R9": "What stands out in the spectra is said on the page of ranks.",
    "R10": "The worker ended in order.",
}
"""What is true of a run in which a guard had nothing to say."""


@dataclass(frozen=True)
class Guard:
    """One guard.

    Attributes:
        id: Its number in the list, such as R1.
        quiet: It had nothing to say.
        sentence: What it said, or what it has seen to.
    """

    id: str
    quiet: bool
    sentence: str


def guards_of(events: Iterable[Event]) -> list[Guard]:
    """Return all guards; of one that spoke several times what it said last."""
    said: dict[str, str] = {}
    for event in events:
        if isinstance(event, Notice | RunEnded) and event.guard:
            said[event.guard] = event.message
        elif isinstance(event, RunEnded) and event.outcome == "interrupted":
            said["R10"] = event.message or "The worker ended without a word."
        elif isinstance(event, LossSpike) and event.diverging:
            said["R1"] = f"The loss went up for good at step {event.step:,}."
    return [Guard(name, name not in said, said.get(name, text)) for name, text in WATCHED.items()]
