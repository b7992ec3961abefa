"""Lets a system do as many steps as the parent asks for, and reports what they took.

A system runs its own loop, whatever that is, and calls the gate after each optimizer step; there
it waits, off the clock, for the next request. Requests and answers are one JSON line each.
"""

import json
import os
import sys
import time
from dataclasses import dataclass
from typing import Any, TextIO


@dataclass(frozen=True)
class StepTaken:
    """One optimizer step.

    Attributes:
        loss: Mean cross-entropy over the trained tokens of the effective batch, in nats.
        tokens: Real tokens, padding not counted.
        trained: Tokens that gave a loss.
        rows: Positions of the rows in the data.
    """

    loss: float
    tokens: int
    trained: int
    rows: list[int]


class Gate:
    """The child's side of the protocol; `answers` is where its lines go."""

    def __init__(self, answers: TextIO) -> None:
        self._answers = answers
        self._taken: list[StepTaken] = []
        self._left = 0
        self._wall = self._cpu = 0.0

    def ready(self, **about: Any) -> None:
        """Say that everything is loaded, and wait for the first request."""
        self._answer({"ready": about})
        self._wait()

    def step_done(self, step: StepTaken) -> None:
        """Count a step; after the last of a request report them and wait for the next."""
        self._taken.append(step)
        self._left -= 1
        if self._left:
            return
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        self._answer({"wall": wall, "cpu": cpu, "steps": [vars(s) for s in self._taken]})
        self._wait()

    def _answer(self, content: dict[str, Any]) -> None:
        self._answers.write(json.dumps(content) + "\n")
        self._answers.flush()

    def _wait(self) -> None:
        line = sys.stdin.readline()
        if not line:
            os._exit(0)  # measured enough: no checkpoint, no farewell
        request = json.loads(line)
        import torch

        torch.set_num_threads(request["threads"])
        self._taken, self._left = [], request["steps"]
        self._wall, self._cpu = time.perf_counter(), time.process_time()
