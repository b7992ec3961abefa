"""Measure how the Data page bears a large file, and how fluid its cut line is.

    python scripts/bench_data_page.py [--bytes 2e9] [--rows 5e6]

A JSONL file of that size is made, opened in the real window with the real worker, and removed. Exit
code 1 when a promise is broken: first rows within two seconds, the window never held up for more
than 100 ms while the file is read and its list is scrolled, under 300 MB of memory in the window,
and 33 ms for each movement of the cut line over the lengths of so many rows.
"""

import argparse
import json
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil
from bench import Ticker
from offscreen import live, scratch_home, wait_until, without_a_screen
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from core.data.lengths import LONGEST_KEPT, RowLengths, Tally

if TYPE_CHECKING:
    from app.application import Application
    from app.pages.data import DataPage

FIRST_ROWS_SECONDS, HELD_UP_MS, FRAME_MS, MEMORY = 2.0, 100.0, 33.0, 300e6
READY_SECONDS, READING_SECONDS = 180.0, 1800.0
SCROLLS, MOVES = 300, 400
SENTENCE = "the rank of a matrix tells how many of its rows say something new"
MB = 1e6


def main() -> int:
    """Make the file, open it, scroll, drag, and print how that went."""
    parser = argparse.ArgumentParser(description="How does the Data page bear a large file?")
    parser.add_argument("--bytes", type=float, default=2e9)
    parser.add_argument("--rows", type=float, default=5e6, help="whose lengths are dragged over")
    arguments = parser.parse_args()
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        without_a_screen()
    with scratch_home() as home:
        file = home / "large.jsonl"
        write_rows(file, int(arguments.bytes))
        kept = measure(file, int(arguments.rows))
    return 0 if kept else 1


def write_rows(file: Path, size: int) -> None:
    """Write rows of 0.2 to 4 kB until the file has that size."""
    rng, written = random.Random(0), 0
    texts = [" ".join(rng.choices(SENTENCE.split(), k=rng.randint(20, 400))) for _ in range(500)]
    with file.open("w", encoding="utf-8") as lines:
        while written < size:
            number = rng.randrange(10**9)
            row = {"prompt": f"{number}: {rng.choice(texts)[:300]}?", "response": rng.choice(texts)}
            written += lines.write(json.dumps(row) + "\n")


def measure(file: Path, rows: int) -> bool:
    """Open the file in the window; return whether all promises are kept."""
    from app.application import build
    from app.pages.data import DataPage

    application = build(["rankscope"])
    application.window.resize(1280, 800)
    application.window.show()
    application.window.go("data")
    page = application.window.page("data")
    assert isinstance(page, DataPage)
    wait_until(lambda: application.session.has_all_rows, READY_SECONDS)
    ticker = Ticker()
    ticker.start()
    ticker.counts = True
    kept = [open_file(application, page, file, ticker), scroll(page, ticker)]
    process = psutil.Process()
    used = process.memory_info().rss
    print(f"Memory           {used / MB:.0f} MB in the window (promise < {MEMORY / MB:.0f} MB)")
    kept += [used < MEMORY, drag(application, page, rows)]
    ticker.stop()
    application.close()
    return all(kept)


def open_file(application: "Application", page: "DataPage", file: Path, ticker: Ticker) -> bool:
    """Read the file to its end."""
    session, begun = application.session, time.perf_counter()
    page.choose(str(file))
    wait_until(lambda: page.rows.rows.rowCount() > 0, READY_SECONDS)
    first = time.perf_counter() - begun
    read = wait_until(lambda: bool(session.data and session.data["complete"]), READING_SECONDS)
    seconds = time.perf_counter() - begun
    print(
        f"A large file     {file.stat().st_size / 1e9:.2f} GB: first rows after {first:.2f} s "
        f"(promise {FIRST_ROWS_SECONDS:.0f} s); "
        f"{page.rows.rows.rowCount():,} rows {'read' if read else 'by then'} in {seconds:.0f} s",
        flush=True,
    )
    return told_late("While it is read", ticker) and first < FIRST_ROWS_SECONDS


def scroll(page: "DataPage", ticker: Ticker) -> bool:
    """Drag the list to places far apart, then through its neighbours, while tokens are made."""
    rows, view, rng = page.rows.rows, page.rows.list, random.Random(0)
    bar, frames, filled = view.verticalScrollBar(), [], []
    for number in range(SCROLLS):
        jump = number % 30 == 0
        begun = time.perf_counter()
        bar.setValue(rng.randrange(bar.maximum() + 1) if jump else bar.value() + 40)
        QApplication.processEvents()
        frames.append(1000 * (time.perf_counter() - begun))
        if jump:
            wait_until(lambda: not rows.missing_among(view.in_sight), 10.0)
            filled.append(time.perf_counter() - begun)
        live(0.016)
    p50, p99 = np.percentile(frames, [50, 99])
    print(
        f"Scrolling        a step p50 {p50:.1f}, p99 {p99:.1f} ms; rows far away are there after "
        f"{np.median(filled):.2f} s, at most {max(filled):.2f} s",
        flush=True,
    )
    return told_late("While scrolling", ticker)


def told_late(name: str, ticker: Ticker) -> bool:
    """Print by how much the ticks since the last call were late; return whether that is little."""
    p99, most = np.percentile(ticker.late, 99), max(ticker.late)
    print(
        f"{name:<16} a timer late by p99 {p99:.0f}, most {most:.0f} ms of {len(ticker.late):,} "
        f"ticks (promise < {HELD_UP_MS:.0f} ms)",
        flush=True,
    )
    ticker.late.clear()
    return bool(most < HELD_UP_MS)


def drag(application: "Application", page: "DataPage", rows: int) -> bool:
    """Drag the cut line over the lengths of so many rows."""
    lengths = made_lengths(rows)
    application.session.lengths = lengths
    page.lengths.show_lengths(lengths)
    histogram, wall, used = page.lengths.histogram, [], []
    QTest.mousePress(histogram, Qt.MouseButton.LeftButton, pos=QPoint(200, 40))
    for move in range(MOVES):
        begun, own = time.perf_counter(), time.thread_time()
        x = 60 + (histogram.width() - 90) * (0.5 - 0.5 * np.cos(move / 40))
        QTest.mouseMove(histogram, QPoint(int(x), 40 + move % 2))
        QApplication.processEvents()
        wall.append(1000 * (time.perf_counter() - begun))
        used.append(1000 * (time.thread_time() - own))
    p50, p99 = np.percentile(wall, [50, 99])
    print(
        f"Cut line         over {rows:,} rows of {len(lengths.tokens.values):,} lengths: a "
        f"movement p50 {p50:.1f}, p99 {p99:.1f} ms, {np.percentile(used, 99):.1f} ms of "
        f"the processor (promise p99 < {FRAME_MS:.0f} ms)",
        flush=True,
    )
    return bool(p99 < FRAME_MS)


def made_lengths(rows: int) -> RowLengths:
    """Return lengths as those of long chats: 50 to some thousand tokens, half of them trained."""
    random_numbers = np.random.default_rng(0)
    lengths = (50 + random_numbers.lognormal(6, 0.7, rows)).astype(int)
    starts, firsts = Counter((lengths // 2).tolist()), Counter((lengths // 2).tolist())
    longest = np.sort(lengths)[: -LONGEST_KEPT - 1 : -1].tolist()
    return RowLengths(
        tokens=Tally.of(lengths.tolist()),
        starts=Tally.of_counts(starts),
        ends=Tally.of(lengths.tolist()),
        firsts=Tally.of_counts(firsts),
        longest=[[length, length // 2, length] for length in longest],
    )


if __name__ == "__main__":
    sys.exit(main())
