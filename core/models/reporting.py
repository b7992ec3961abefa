"""Blocking work of a library as a generator of progress that can be cancelled."""

import queue
import threading
from collections.abc import Callable, Generator
from typing import TypeVar

from core.control import Control
from core.events import Progress

T = TypeVar("T")

Report = Callable[[str, float], None]
"""Takes a sentence and the share done (-1 for unknown); raises `Cancelled` once asked to end."""


class Cancelled(Exception):
    """Raised inside the work, and out of `run_reporting`, after a request to end."""


def run_reporting(work: Callable[[Report], T], control: Control) -> Generator[Progress, None, T]:
    """Run `work(report)` on a thread and yield what it reports; return what it returns.

    Whatever it raises is raised here. A consumer that closes the generator does not wait for it.
    """
    news: queue.Queue[Progress | None] = queue.Queue()
    results: list[T] = []
    errors: list[BaseException] = []

    def report(message: str, share: float) -> None:
        if control.request:
            raise Cancelled
        news.put(Progress(phase="loading", message=message, share=share))

    def run() -> None:
        try:
            results.append(work(report))
        except BaseException as error:  # noqa: BLE001 - raised again in the consumer's thread
            errors.append(error)
        finally:
            news.put(None)

    threading.Thread(target=run, name="model", daemon=True).start()
    while (event := news.get()) is not None:
        yield event
    if errors:
        raise errors[0]
    return results[0]
