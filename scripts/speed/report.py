"""The results as Markdown: on the terminal, and between two marks in docs/benchmarks.md."""

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from speed.designs import AGAIN, Race
from speed.figures import Ratio, ratio
from speed.parity import BF16, Parity
from speed.rounds import Measured

BEGIN = "<!-- begin {design}: written by make bench -->"
END = "<!-- end {design} -->"
STEADY = 0.05  # how far the ratio of ours to itself may be from 1
_PACKAGES = ("torch", "transformers", "peft", "trl", "bitsandbytes")


@dataclass(frozen=True)
class Result:
    """What one race came to."""

    race: Race
    measured: Sequence[Measured]
    parity: Sequence[Parity]

    @property
    def comparable(self) -> bool:
        """Whether everybody's losses are those of the reference."""
        return all(item.holds for item in self.parity)

    @property
    def steady(self) -> bool:
        """Whether ours is as fast as itself, so that a ratio means something."""
        twin = self._of(AGAIN)
        return abs(ratio(self.measured[0].rates, twin.rates).median - 1) <= STEADY

    @property
    def kept(self) -> bool:
        """Whether every target is reached, by a race that counts."""
        return self.comparable and all(
            self.steady and self.ratio_to(name).median >= least
            for name, least in self.race.targets.items()
        )

    def ratio_to(self, name: str) -> Ratio:
        """Return ours ÷ theirs in tokens per second of the processor."""
        return ratio(self.measured[0].rates, self._of(name).rates)

    def _of(self, name: str) -> Measured:
        return next(of for of in self.measured if of.name == name)


def table(result: Result) -> str:
    """Return one race as Markdown; without parity it has losses instead of ratios."""
    race = result.race
    head = f"### {race.design}: {race.title}\n\n"
    if not result.comparable:
        return head + _losses(result.parity)
    lines = [
        f"| Variant | Tokens per {race.unit} | Rankscope is faster by | by the clock, 2 threads "
        "| Target |",
        "|---|---:|---:|---:|---|",
    ]
    lines += [_row(result, of) for of in result.measured]
    worst = max((error for item in result.parity for error in item.errors), default=0.0)
    loads = [turn.load for of in result.measured for turn in of.by_cpu]
    notes = [f"{len(loads) // len(result.measured)} rounds, load average {_span(loads)}."]
    if result.parity:
        allowed = f"(allowed {BF16:.2%})"
        notes.append(f"First losses off plain PyTorch by at most {worst:.2%} {allowed}.")
    if not result.steady:
        notes.append(
            "**No headline: Rankscope against itself is off by more than "
            f"{STEADY:.0%}, the machine was too busy.**"
        )
    return head + "\n".join(lines) + "\n\n" + " ".join(notes) + "\n"


def _span(loads: Sequence[float]) -> str:
    return f"{min(loads):.1f} to {max(loads):.1f}"


def _row(result: Result, of: Measured) -> str:
    ours = result.measured[0]
    cpu = wall = target = ""
    if of is not ours:
        cpu = str(ratio(ours.rates, of.rates))
        wall = str(ratio(ours.wall_rates, of.wall_rates)) if of.by_wall else ""
    least = result.race.targets.get(of.name)
    if least is not None:
        reached = result.steady and ratio(ours.rates, of.rates).median >= least
        verdict = "reached" if reached else "**missed**" if result.steady else "not judged"
        target = f"≥ {least:g}: {verdict}"
    speed = f"{statistics.median(of.rates):,.0f}"
    return f"| {of.name} | {speed} | {cpu} | {wall} | {target} |"


def _losses(parity: Sequence[Parity]) -> str:
    lines = [f"**No ratio: a loss is off by more than {BF16:.2%}.**\n"]
    for item in parity:
        found = ", ".join(f"{loss:.4f}" for loss in item.losses)
        wanted = ", ".join(f"{loss:.4f}" for loss in item.expected)
        mark = "" if item.holds else "  ← off"
        lines.append(
            f"- {item.name}: {found} (reference {wanted}; first in fp32 {item.exact:.4f}){mark}"
        )
    return "\n".join(lines) + "\n"


def machine() -> str:
    """Say on what it was measured."""
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    cores = f"{_processor()}, {os.cpu_count()} logical cores"
    return f"{cores}, Python {platform.python_version()}; {packages}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def write_section(file: Path, design: str, text: str) -> None:
    """Replace what stands between the marks of a design, or add it at the end."""
    content = file.read_text("utf-8")
    begin, end = BEGIN.format(design=design), END.format(design=design)
    section = f"{begin}\n\n{text.strip()}\n\n{end}"
    if begin in content and end in content:
        before, rest = content.split(begin, 1)
        content = before + section + rest.split(end, 1)[1]
    else:
        content = f"{content.rstrip()}\n\n{section}\n"
    file.write_text(content, "utf-8")
