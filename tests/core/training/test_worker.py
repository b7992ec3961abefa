"""The worker's protocol, in a real worker process and, where that is enough, in this one."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from core.control import Control
from core.events import Event, RunEnded
from core.worker import Jobs, events_of
from tests.core.training.conftest import MakeRun
from tests.core.training.engine import ROOT, one_thread, quick_proof

__all__ = ["one_thread", "quick_proof"]


class Worker:
    """A real worker process."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "core.worker"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def send(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def run(self, job: str, request: dict[str, Any], job_id: int) -> None:
        self.send(json.dumps({"command": "run", "job": job, "request": request, "id": job_id}))

    def events(self, job_id: int) -> Iterator[dict[str, Any]]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event = json.loads(line)
            assert event["id"] == job_id
            yield event
            if event["event"] == "ended":
                return


@pytest.fixture
def worker() -> Iterator[Worker]:
    started = Worker()
    yield started
    started.send('{"command": "quit"}')
    assert started.process.wait(60) == 0
    for pipe in (started.process.stdin, started.process.stdout):
        assert pipe is not None
        pipe.close()


def test_one_worker_does_one_job_after_the_other(worker: Worker, make_run: MakeRun) -> None:
    for nonsense in (
        "",
        "nonsense",
        "[1]",
        '{"command": 7}',
        '{"no": "command"}',
        "\x00",
        "{" * 99,
    ):
        worker.send(nonsense)
    worker.run("train", {"run": "/nowhere"}, 1)
    (ended,) = worker.events(1)
    assert (ended["event"], ended["outcome"]) == ("ended", "failed")
    assert "is not a run folder" in ended["message"]

    run = make_run(training__steps=500)
    worker.run("train", {"run": str(run.path)}, 2)
    seen = []
    for event in worker.events(2):
        seen.append(event)
        if event["event"] == "step" and event["step"] == 3:
            worker.send('{"command": "pause"}')
    assert [e["event"] for e in seen].count("ended") == 1
    assert (seen[-1]["event"], seen[-1]["outcome"]) == ("ended", "paused")
    assert [e["seq"] for e in seen] == list(range(seen[0]["seq"], seen[0]["seq"] + len(seen)))
    assert run.state().phase == "paused"


def outcome(command: dict[str, Any]) -> list[Event]:
    return list(events_of(command, Control(), Jobs()))


@pytest.mark.parametrize(
    "command",
    [
        {"job": "no such job", "request": {}},
        {"job": "train", "request": {}},
        {"job": "train", "request": {"run": "x", "more": 1}},
        {"job": "train", "request": "text"},
        {"request": {}},
        {},
    ],
)
def test_a_wrong_request_ends_once_and_failed(command: dict[str, Any]) -> None:
    (ended,) = outcome(command)
    assert isinstance(ended, RunEnded)
    assert ended.outcome == "failed"


@pytest.mark.usefixtures("quick_proof")
def test_a_training_job_ends_once(make_run: MakeRun) -> None:
    events = outcome({"job": "train", "request": {"run": str(make_run().path)}})
    assert sum(isinstance(event, RunEnded) for event in events) == 1
    assert events[-1].outcome == "finished"  # type: ignore[attr-defined]
