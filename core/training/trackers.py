"""Shows the numbers of a run to its trackers; whatever happens to one, the run goes on."""

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any

from core.events import Evaluated, Event, Notice, RunEnded, RunStarted, StepDone
from core.run_folder import RunFolder
from core.training.tracker_thread import Numbers, TrackerThread

FINISH_SECONDS = 10.0
"""How long a finished run waits until its trackers have sent everything."""
HASTE_SECONDS = 2.0
"""The same for a run that was stopped or has failed: whoever stopped it will not wait."""


def tracked(run: RunFolder, events: Generator[Event, None, None]) -> Generator[Event, None, None]:
    """Pass `events` on and show their numbers to the trackers that the run's settings name.

    What a tracker cannot do is told in one `Notice` of level "warning" between the events; a
    `RunEnded` stays the last of them.
    """
    trackers = Trackers()
    try:
        with closing(events):
            for event in events:
                if isinstance(event, RunEnded):
                    patient = event.outcome == "finished"
                    yield from trackers.finish(FINISH_SECONDS if patient else HASTE_SECONDS)
                    yield event
                    return
                yield event
                if isinstance(event, RunStarted):
                    trackers.start(run, event.first_step)
                trackers.take(event)
                yield from trackers.troubles()
    except Exception:  # what to say about it is the recorder's business
        yield from trackers.finish(HASTE_SECONDS)
        raise
    finally:
        trackers.leave()


class Trackers:
    """All trackers of a run; none before `start`."""

    def __init__(self) -> None:
        self._threads: list[TrackerThread] = []

    def start(self, run: RunFolder, first_step: int) -> None:
        """Start the trackers in the background."""
        settings = run.settings
        config = flat(settings.model_dump(mode="json"))
        importing = threading.Lock()
        self._threads = [
            TrackerThread(name, run, first_step, config=config, importing=importing)
            for name in settings.tracking.trackers
        ]

    def take(self, event: Event) -> None:
        """Leave the numbers of `event`, if it has any, for all trackers."""
        match event:
            case StepDone() | Evaluated():
                for thread in self._threads:
                    thread.take(event.step, numbers_of(event))

    def troubles(self) -> Iterator[Notice]:
        """Yield what has gone wrong and was not told yet."""
        for thread in self._threads:
            notice = thread.trouble()
            if notice is not None:
                yield notice

    def finish(self, seconds: float) -> Iterator[Notice]:
        """Let the trackers send what they have, `seconds` at most for all of them together."""
        self.leave()
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.wait(max(0.0, deadline - time.monotonic()), of=seconds)
        yield from self.troubles()

    def leave(self) -> None:
        """Ask the trackers to end, and wait for none."""
        for thread in self._threads:
            thread.close()


def numbers_of(event: StepDone | Evaluated) -> Numbers:
    """Return what the trackers draw of `event`: losses in nats, memory in GiB."""
    if isinstance(event, Evaluated):
        return {"validation/loss": event.loss}
    return {
        "train/loss": event.loss,
        "train/learning_rate": event.learning_rate,
        "train/gradient_norm": event.gradient_norm,
        "train/tokens_per_second": event.tokens_per_second,
        "train/memory_gib": event.memory_bytes / 2**30,
    }


def flat(settings: dict[str, Any], prefix: str = "") -> dict[str, bool | int | float | str]:
    """Return the settings under dotted keys; lists become text, which is all that trackers take."""
    found: dict[str, bool | int | float | str] = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{key}.")
        elif isinstance(value, list):
            found[prefix + key] = ", ".join(str(item) for item in value)
        else:
            found[prefix + key] = value
    return found
