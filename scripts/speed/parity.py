"""Before any ratio: the first losses of every variant, against plain PyTorch on the same rows."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from speed.rounds import ROOT, BenchError, Child, Measured, environment

if TYPE_CHECKING:
    from speed.examples import Spec

BF16 = 2.0**-7  # the distance of neighbouring bf16 numbers, relative to them


@dataclass(frozen=True)
class Parity:
    """The first losses of one variant and those of the reference (see `speed.reference`)."""

    name: str
    losses: tuple[float, ...]
    expected: tuple[float, ...]
    exact: float

    @property
    def errors(self) -> list[float]:
        """Relative differences: of the first loss from fp32, of all from bf16."""
        pairs = [(self.losses[0], self.exact), *zip(self.losses, self.expected, strict=True)]
        return [abs(found - wanted) / wanted for found, wanted in pairs]

    @property
    def holds(self) -> bool:
        """Whether the differences are within what bf16 resolves; no NaN is."""
        return all(error <= BF16 for error in self.errors)


def check(children: Sequence[Child], measured: Sequence[Measured]) -> list[Parity]:
    """Compare the warm-up steps of every variant; those with the same rows share a reference."""
    known: dict[str, dict[str, Any]] = {}
    found = []
    for child, of in zip(children, measured, strict=True):
        steps = [step for turn in of.warm_up for step in turn.steps]
        batches = [step["rows"] for step in steps]
        key = json.dumps(batches)
        if key not in known:
            known[key] = _reference(child.spec, batches)
        losses = tuple(step["loss"] for step in steps)
        wanted = known[key]
        found.append(Parity(of.name, losses, tuple(wanted["bf16"]), wanted["exact"]))
    return found


def _reference(spec: "Spec", batches: Sequence[Sequence[int]]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "speed.reference", json.dumps(asdict(spec)), json.dumps(batches)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment(),
    )
    if done.returncode:
        raise BenchError(f"The reference ended:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
