"""Measure how fluid the Ranks page is: k is dragged across a large adapter of a long run.

    python scripts/bench_rank_page.py [--modules N] [--rank N] [--checkpoints N]

Exit code 1 when the promise is broken: with 224 modules, 256 singular values and 10,000 checkpoints
a frame takes less than 33 ms at the 99th percentile, from the movement of the pointer until
everything that follows k is painted.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from offscreen import live, scratch_home, wait_until, without_a_screen
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget

from core.ranks import AdapterInfo, AdapterSpectra, ModuleSpectrum, save_ranks
from core.run_folder import RunFolder
from core.settings import RunSettings

if TYPE_CHECKING:
    from app.rank_explorer import RankExplorer

FRAME_MS = 33.0
FRAMES = 400
DIFFERENT = 6
"""So many spectra are made; the files of the other checkpoints are the same under other names."""
KINDS = (
    ("self_attn.q_proj", (4096, 4096)), ("self_attn.k_proj", (1024, 4096)),
    ("self_attn.v_proj", (1024, 4096)), ("self_attn.o_proj", (4096, 4096)),
    ("mlp.gate_proj", (14336, 4096)), ("mlp.up_proj", (14336, 4096)),
    ("mlp.down_proj", (4096, 14336)),
)  # fmt: skip


def main() -> int:
    """Make the run, drag, and print how long the frames took."""
    parser = argparse.ArgumentParser(description="How fluid is the Ranks page?")
    parser.add_argument("--modules", type=int, default=224)
    parser.add_argument("--rank", type=int, default=256)
    parser.add_argument("--checkpoints", type=int, default=10_000)
    arguments = parser.parse_args()
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        without_a_screen()
    with scratch_home() as home:
        run = make_run(home / "runs" / "bench", arguments)
        kept = [drag(run, view, arguments) for view in ("Spectrum", "Rank per module")]
    return 0 if all(kept) else 1


def make_run(path: Path, arguments: argparse.Namespace) -> RunFolder:
    """Write a run whose spectra grow over its checkpoints."""
    run = RunFolder.create(path, RunSettings(name="bench"))
    random = np.random.default_rng(0)
    files: list[Path] = []
    for number in range(arguments.checkpoints):
        file = run.ranks_dir / f"step-{10 * number:08d}.json"
        if number < DIFFERENT:
            save_ranks(file, spectra(random, arguments))
            files.append(file)
        else:
            os.link(files[number % DIFFERENT], file)
    run.update_state(phase="finished", step=10 * arguments.checkpoints)
    return run


def spectra(random: np.random.Generator, arguments: argparse.Namespace) -> AdapterSpectra:
    """Return spectra that fall off as those of trained adapters do."""
    modules = []
    for number in range(arguments.modules):
        kind, shape = KINDS[number % len(KINDS)]
        fall = np.arange(1, arguments.rank + 1) ** -random.uniform(0.3, 1.2)
        sigma = random.uniform(0.2, 3) * fall
        name = f"model.layers.{number // len(KINDS)}.{kind}"
        modules.append(ModuleSpectrum(name, shape, arguments.rank, 2.0, sigma))
    info = AdapterInfo(rank=arguments.rank, alpha=2.0 * arguments.rank, dtype="F32")
    return AdapterSpectra(tuple(modules), info)


def drag(run: RunFolder, title: str, arguments: argparse.Namespace) -> bool:
    """Drag k with one view in sight; return whether the promise is kept."""
    from app.application import build
    from app.rank_explorer import RankExplorer

    application = build(["rankscope"])
    window = application.window
    window.show()
    application.run.open(run.path)
    window.go("ranks")
    page = window.page("ranks")
    assert isinstance(page, RankExplorer)
    wait_until(lambda: page.desk.module is not None, 60)
    page.tabs.show_widget(page.views[title])
    live(2.0)
    wall, used = 1000 * np.array(list(frames(page))).T
    application.close()
    p50, p99 = np.percentile(wall, [50, 99])
    own = np.percentile(used, 99)
    print(
        f"k dragged under {title}: {arguments.modules} modules × {arguments.rank} values, "
        f"{arguments.checkpoints:,} checkpoints: frame p50 {p50:.1f}, p99 {p99:.1f} ms, "
        f"{own:.1f} ms of the processor (promise p99 < {FRAME_MS:.0f} ms)",
        flush=True,
    )
    return bool(p99 < FRAME_MS)


def frames(page: "RankExplorer") -> Iterator[tuple[float, float]]:
    """Move the pointer over the cumulative energy, or step k where it is not shown.

    Yields:
        Seconds by the clock and of the processor: on a busy machine only these tell of the page.
    """
    from app.rank_views.spectrum import SpectrumView

    view = page.tabs.stack.currentWidget()
    plot = view.energy.plot if isinstance(view, SpectrumView) else None
    for frame in range(FRAMES):
        part = 0.5 - 0.45 * np.cos(frame / 40)
        begun, own = time.perf_counter(), time.thread_time()
        if plot is not None:
            move(plot.viewport(), part)
        else:
            page.desk.set_k(round(part * page.desk.largest_k))
        QApplication.processEvents()
        yield time.perf_counter() - begun, time.thread_time() - own


def move(viewport: QWidget, part: float) -> None:
    """Move the pressed pointer to a part of the width."""
    place = QPointF(50 + part * (viewport.width() - 60), viewport.height() / 2)
    left = Qt.MouseButton.LeftButton
    event = QMouseEvent(
        QEvent.Type.MouseMove, place, viewport.mapToGlobal(place), Qt.MouseButton.NoButton, left,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    QApplication.sendEvent(viewport, event)


if __name__ == "__main__":
    sys.exit(main())
