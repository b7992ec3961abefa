"""A worker that follows a script instead of training; imports nothing that is slow.

It speaks the protocol of `core.worker` and, like it, writes the events of a training job to the
run folder as well. The first argument names the script:

finish      three steps, then "finished"
steps       a step every 50 ms until it is asked to stop or pause
nonsense    malformed lines between good ones, then "finished"
die         two steps, then an end without a word
refuse      a failure with message and hint
deaf        as steps, but a stop is ignored
twice       two endings for one job
gone        ends before it reads anything
"""

import contextlib
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

asked: list[str] = []
jobs: list[dict[str, Any]] = []
done_reading = threading.Event()


def read() -> None:
    for line in sys.stdin:
        command = json.loads(line)
        if command["command"] == "run":
            jobs.append(command)
        else:
            asked.append(command["command"])
    done_reading.set()


def say(line: str) -> None:
    with contextlib.suppress(OSError):  # nobody listens any more
        os.write(1, f"{line}\n".encode())


class Job:
    def __init__(self, command: dict[str, Any]) -> None:
        self.id = command["id"]
        self.folder = Path(command["request"]["run"]) if "run" in command["request"] else None

    def write(self, **event: Any) -> None:
        line = json.dumps({**event, "id": self.id, "seconds": time.time()})
        if self.folder is not None:
            with (self.folder / "events.jsonl").open("a") as file:
                file.write(line + "\n")
        say(line)

    def state(self, phase: str, step: int = 0) -> None:
        if self.folder is None:
            return
        import psutil

        state = {
            "phase": phase,
            "pid": os.getpid(),
            "pid_started": psutil.Process().create_time(),
            "step": step,
            "total_steps": 100,
        }
        temporary = self.folder / ".tmp-state"
        temporary.write_text(json.dumps(state))
        temporary.replace(self.folder / "state.json")

    def started(self) -> None:
        self.state("running")
        self.write(
            event="started",
            first_step=0,
            total_steps=100,
            parameters=1000,
            trainable_parameters=10,
            rows=10,
            steps_per_epoch=5.0,
            device="cpu",
            precision="fp32",
        )

    def step(self, number: int) -> None:
        self.write(
            event="step",
            step=number,
            loss=4.0 / number,
            learning_rate=1e-4,
            gradient_norm=1.0,
            trained_tokens=10,
            tokens=20,
            tokens_per_second=100.0,
            memory_bytes=1 << 30,
        )

    def end(self, outcome: str, step: int = 0, **more: str) -> None:
        self.state(outcome, step)
        self.write(event="ended", outcome=outcome, step=step, **more)


def follow(script: str, job: Job) -> None:
    if script == "refuse":
        job.end("failed", message="The data cannot be read.", hint="Choose another file.")
        return
    job.started()
    if script in ("steps", "deaf"):
        steps_until_asked(script, job)
        return
    for number in (1, 2):
        job.step(number)
    if script == "die":
        os._exit(9)
    if script == "nonsense":
        for line in ("{", "[1, 2]", '{"event": "unknown"}', '{"event": "step"}', "\xff nonsense"):
            say(line)
        say('{"event": "notice", "level": "info", "message": "odd id", "id": "x"}')
    job.step(3)
    job.end("finished", 3)
    if script == "twice":
        job.end("failed", 3)


def steps_until_asked(script: str, job: Job) -> None:
    number = 0
    while True:
        wanted = [word for word in asked if word in ("stop", "pause")]
        if wanted and script == "steps":
            job.end({"stop": "stopped", "pause": "paused"}[wanted[0]], number)
            return
        number += 1
        job.step(number)
        time.sleep(0.05)
        if number > 600:
            return


if __name__ == "__main__":
    if sys.argv[1] == "gone":
        os._exit(3)
    threading.Thread(target=read, daemon=True).start()
    while not (done_reading.is_set() or "quit" in asked) or jobs:
        if jobs:
            follow(sys.argv[1], Job(jobs.pop(0)))
        time.sleep(0.01)
