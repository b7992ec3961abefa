"""A job never runs while another thread still imports the slow libraries."""

import io
import threading
import time
from collections.abc import Iterator

import pytest

from core import worker
from core.events import Event, RunEnded


def test_the_first_job_waits_for_the_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    warming = threading.Thread(target=time.sleep, args=(0.2,))
    still_importing: list[bool] = []

    def events_of(*_: object) -> Iterator[Event]:
        still_importing.append(warming.is_alive())
        yield RunEnded(outcome="finished")

    monkeypatch.setattr(worker, "events_of", events_of)
    monkeypatch.setattr(worker.signal, "signal", lambda *_: None)
    commands = '{"command": "run", "job": "prove", "request": {}}\n{"command": "quit"}\n'
    warming.start()
    worker.serve(io.StringIO(commands), io.StringIO(), warming)
    assert still_importing == [False]
