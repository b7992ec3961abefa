"""The rounds: every variant in a process of its own, taking turns ABCABC… at a few steps each.

What else the machine does, and how warm it is, then falls upon all of them alike.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.heap import with_tidy_heap

if TYPE_CHECKING:
    from speed.examples import Spec

ROOT = Path(__file__).resolve().parents[2]
WARM_UPS = 2


class BenchError(Exception):
    """A variant cannot be measured; the text says why."""


@dataclass(frozen=True)
class Turn:
    """What one variant did in one round.

    Attributes:
        tokens: Real tokens.
        cpu, wall: Seconds.
        load: Load average of the last minute, when the turn ended.
        steps: Each step as `speed.gate.StepTaken` has it.
    """

    tokens: int
    cpu: float
    wall: float
    load: float
    steps: list[dict[str, Any]]


@dataclass
class Measured:
    """The turns of one variant.

    Attributes:
        warm_up: Those that do not count; their losses do.
        by_cpu: Turns on one thread, of which the seconds of the processor count.
        by_wall: Turns on two threads, of which those of the clock count.
    """

    name: str
    warm_up: list[Turn] = field(default_factory=list)
    by_cpu: list[Turn] = field(default_factory=list)
    by_wall: list[Turn] = field(default_factory=list)

    @property
    def rates(self) -> list[float]:
        """Tokens per second of the processor, round by round."""
        return [turn.tokens / turn.cpu for turn in self.by_cpu]

    @property
    def wall_rates(self) -> list[float]:
        """Tokens per second of the clock, round by round."""
        return [turn.tokens / turn.wall for turn in self.by_wall]


def environment() -> dict[str, str]:
    """Return the environment in which children find these scripts and this checkout."""
    paths = os.pathsep.join([str(ROOT / "scripts"), str(ROOT)])
    return {**with_tidy_heap(os.environ), "PYTHONPATH": paths, "HF_HUB_OFFLINE": "1"}


class Child:
    """The process of one variant."""

    def __init__(self, spec: "Spec") -> None:
        self.spec = spec
        self._log = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", "speed.child", json.dumps(asdict(spec))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            cwd=ROOT,
            env=environment(),
        )

    def ready(self) -> dict[str, Any]:
        """Wait until everything is loaded; return what the variant says about itself."""
        about: dict[str, Any] = self._read()["ready"]
        return about

    def turn(self, *, steps: int, threads: int) -> Turn:
        """Let it do some steps.

        Raises:
            BenchError: It died.
        """
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"steps": steps, "threads": threads}) + "\n")
        self._process.stdin.flush()
        answer = self._read()
        tokens = sum(step["tokens"] for step in answer["steps"])
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
        return Turn(tokens, answer["cpu"], answer["wall"], load, answer["steps"])

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout
        self._process.stdout.close()
        self._log.close()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            self._log.seek(0)
            raise BenchError(f"{self.spec.name} ended:\n{self._log.read()[-2000:]}")
        content: dict[str, Any] = json.loads(line)
        return content


def open_children(specs: Sequence["Spec"]) -> list[Child]:
    """Start the processes, two at a time, and check that all got the same data.

    Raises:
        BenchError: One did not start, or its token ids or masks are not those of the others.
    """
    children: list[Child] = []
    abouts = []
    try:
        for start in range(0, len(specs), 2):
            pair = [Child(spec) for spec in specs[start : start + 2]]
            children += pair
            abouts += [child.ready() for child in pair]
        if len({about["data"] for about in abouts}) > 1:
            raise BenchError("The variants did not get the same data.")
    except BenchError:
        close_children(children)
        raise
    return children


def close_children(children: Sequence[Child]) -> None:
    """End all processes."""
    for child in children:
        child.close()


def warm_up(children: Sequence[Child]) -> list[Measured]:
    """Do the rounds that do not count, one step each, on two threads."""
    measured = [Measured(child.spec.name) for child in children]
    for _ in range(WARM_UPS):
        for child, of in zip(children, measured, strict=True):
            of.warm_up.append(child.turn(steps=1, threads=2))
    return measured


def race(
    children: Sequence[Child], measured: Sequence[Measured], *, rounds: int, wall: bool
) -> None:
    """Do the rounds that count: one thread, and where `wall` is wanted two threads as well."""
    for _ in range(rounds):
        for child, of in zip(children, measured, strict=True):
            of.by_cpu.append(child.turn(steps=1, threads=1))
        for child, of in zip(children, measured, strict=True) if wall else ():
            of.by_wall.append(child.turn(steps=1, threads=2))
