"""Race Rankscope against PEFT with Trainer and against TRL; needs the extra `bench`.

    python scripts/bench_training.py [--only P1,P7] [--rounds N] [--quick] [--write]

Every variant has a process of its own; they take turns. A ratio is printed only after everybody's
first losses have met those of plain PyTorch, and no headline where Rankscope against
itself is off by 5 %. Exit code 1 when a target is missed or could not be judged.
"""

import argparse
import datetime
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from speed import parity
from speed.designs import RACES, Place, Race
from speed.report import Result, machine, table, write_section
from speed.rounds import (
    BenchError,
    close_children,
    environment,
    open_children,
    race,
    warm_up,
)
from speed.tax import race_freely, tax

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "benchmarks.md"
ROUNDS = 7


def main() -> int:
    """Run the races and print their tables."""
    parser = argparse.ArgumentParser(description="Training speed against the stock stack.")
    parser.add_argument("--only", default=",".join([*RACES, "P9"]), help="designs, such as P1,P7")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--quick", action="store_true", help="2 rounds on the 8-layer model")
    parser.add_argument("--write", action="store_true", help=f"write {DOCUMENT.name} as well")
    arguments = parser.parse_args()
    wanted = arguments.only.split(",")
    rounds = 2 if arguments.quick else arguments.rounds
    kept = True
    with tempfile.TemporaryDirectory(prefix="rankscope-bench-") as folder:
        place = _place(Path(folder), quick=arguments.quick)
        for design in [name for name in (*RACES, "P9") if name in wanted]:
            started, texts = time.monotonic(), []
            for result in _results(place, design, rounds):
                kept = kept and result.kept
                texts.append(table(result))
                print(texts[-1], flush=True)
            minutes = (time.monotonic() - started) / 60
            about = f"{datetime.date.today()}, {minutes:.0f} minutes on {machine()}."
            if arguments.quick:
                about += " Quick: the starter model is cut to 8 layers."
            print(about)
            if arguments.write:
                command = f'`make bench BENCH_ARGS="--only {design}"`'
                write_section(DOCUMENT, design, "\n".join([*texts, f"{command}, {about}"]))
    return 0 if kept else 1


def _results(place: Place, design: str, rounds: int) -> Iterator[Result]:
    """Run the races of one design."""
    for one in RACES[design](place) if design in RACES else ():
        yield _result(one, rounds)
    if design == "P9" and sys.platform != "win32":  # where nothing can be suspended
        window = tax(place)
        yield Result(window, race_freely(window, place.folder, rounds), ())


def _result(one: Race, rounds: int) -> Result:
    """Open the processes, compare their losses, then let them race."""
    print(f"{one.design}: {one.title} …", file=sys.stderr, flush=True)
    children = open_children(one.specs)
    try:
        measured = warm_up(children)
        found = parity.check(children, measured)
        if all(item.holds for item in found):
            race(children, measured, rounds=rounds, wall=one.wall)
    finally:
        close_children(children)
    return Result(one, measured, found)


def _place(folder: Path, *, quick: bool) -> Place:
    """Return a place where models are made in processes of their own, once each."""

    @cache
    def model(name: str) -> str:
        kind, _, size = name.partition("-")
        if kind == "starter" and not quick:
            return _models("starter").splitlines()[-1]
        target = folder / name
        if kind == "vocab":
            _models("vocab", size, str(target))
        else:
            _models("cut", str(target))
        return str(target)

    return Place(folder, model)


def _models(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "speed.models", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment(),
    )
    if done.returncode:
        raise BenchError(f"A model could not be made:\n{done.stderr[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    # ended from outside, it still ends its children, some of which stand still
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    except BenchError as error:
        sys.exit(str(error))
