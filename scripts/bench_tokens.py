"""Measure how long a run takes from its data to its rows, with and without cached tokens.

    python scripts/bench_tokens.py [--rows N] [--words N] [--model SOURCE]

Each line is a fresh process, as each run is: CPU seconds to read, split and tokenise, then to
take the fingerprint of the rows, and by how much the process grew, at its peak and in the end; on
Linux.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import psutil
from offscreen import scratch_home

KIB = 1024  # the unit of ru_maxrss on Linux
WORDS = ("river", "is", "large", "natural", "stream", "of", "water", "flows", "sea", "animal")


def main() -> None:
    """Write a data set, and print a line for the first run and for the second."""
    parser = argparse.ArgumentParser(description="Time from data to rows.")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--words", type=int, default=24, help="per row; 24 make 60 tokens")
    parser.add_argument("--model", default="starter")
    parser.add_argument("--measure", metavar="DATA", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(Path(arguments.measure), arguments.model)))
        return
    with scratch_home() as home:
        data = write_rows(home / "rows.jsonl", arguments.rows, arguments.words)
        command = [sys.executable, __file__, "--model", arguments.model, "--measure", str(data)]
        for name in ("made", "found"):
            output = subprocess.check_output(command, stderr=subprocess.DEVNULL)
            numbers = json.loads(output)
            print(f"{name:6}", "  ".join(f"{key} {value}" for key, value in numbers.items()))


def write_rows(file: Path, rows: int, words: int) -> Path:
    """Write rows of random words, all different."""
    rng = random.Random(0)
    with file.open("w", encoding="utf-8") as stream:
        for i in range(rows):
            text = [rng.choice(WORDS) for _ in range(words)]
            row = {"prompt": f"{i} " + " ".join(text[::2]), "response": " ".join(text[1::2])}
            stream.write(json.dumps(row) + "\n")
    return file


def measure(data: Path, source: str) -> dict[str, float]:
    """Build the rows in this process; CPU seconds and MB."""
    from core.control import Control
    from core.models.prepare import prepare
    from core.settings import RunSettings
    from core.training.requests import Requests
    from core.training.software import rows_fingerprint
    from core.training.trainee import build_rows

    settings = RunSettings().with_changes({"model.source": source, "data.path": str(data)})
    folder = drain(prepare(source, Control()))
    before = psutil.Process().memory_info().rss
    started = time.process_time()
    rows = drain(build_rows(settings, folder, Requests(Control(), data.with_name("control"))))
    built = time.process_time()
    rows_fingerprint(rows.train)
    taken = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB
    return {
        "rows_seconds": round(built - started, 2),
        "fingerprint_seconds": round(taken - built, 2),
        "peak_growth_mb": round((peak - before) / 1e6),
        "left_growth_mb": round((psutil.Process().memory_info().rss - before) / 1e6),
    }


def drain(steps: Generator[Any, None, Any]) -> Any:
    """Run a job to its end and return what it returns."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


if __name__ == "__main__":
    main()
