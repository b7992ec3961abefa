"""Section 7 of the LoRA paper (arXiv:2106.09685) on the starter model, drawn by the window.

    python scripts/paper_figures.py [--steps 120] [--write]

Trains q_proj and v_proj at r = 64 with two seeds and at r = 8, as runs like any other; those that
are there already are not trained again. `--write` puts numbers and pictures into docs/.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from offscreen import live, scratch_home, wait_until, without_a_screen

from core.jobs.evidence import EvidenceRequest
from core.paths import runs_dir
from core.ranks.actions.compare import compare
from core.ranks.actions.draft import opened
from core.ranks.against_base import BaseComparison
from core.run_folder import RunFolder

if TYPE_CHECKING:
    from app.application import Application

ROOT = Path(__file__).resolve().parent.parent
PICTURES, PAGE = ROOT / "docs" / "pictures", ROOT / "docs" / "ranks.md"
BEGIN, END = "<!-- paper: begin -->\n", "<!-- paper: end -->\n"
RUNS = {"paper-r64": (64, 7), "paper-r64-other-seed": (64, 8), "paper-r8": (8, 9)}
"""Rank and seed by name of the run; with the same seed the first rows of A would begin alike."""
WIDE, OTHER, NARROW = RUNS
LAYER = 14
MODULES = tuple(f"model.layers.{LAYER}.self_attn.{kind}" for kind in ("q_proj", "v_proj"))
SECONDS = 900.0
THEMES: tuple[tuple[Literal["light", "dark"], str], ...] = (("light", ""), ("dark", "-dark"))
"""Theme, and the end of the file's name."""


def main() -> int:
    """Train what is missing, measure, and write."""
    parser = argparse.ArgumentParser(description="Section 7 of the LoRA paper, drawn here.")
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--write", action="store_true", help="into docs/")
    arguments = parser.parse_args()
    runs = {name: trained(name, arguments.steps) for name in RUNS}
    text = table(runs)
    print(text)
    if arguments.write:
        without_a_screen()
        with scratch_home(run.path for run in runs.values()) as home:
            draw(home / "runs")
        before, rest = PAGE.read_text("utf-8").split(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}{text}{END}{rest.split(END)[1]}", "utf-8")
    return 0


def trained(name: str, steps: int) -> RunFolder:
    """Return the run of that name, trained as far as `steps` and measured beside its base."""
    rank, seed = RUNS[name]
    folder, file = runs_dir() / name, runs_dir() / f"{name}.toml"
    if not (folder / "run.toml").is_file():
        runs_dir().mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        rank_and_seed = ["--rank", rank, "--seed", seed, "--steps", steps, "--out", file]
        rankscope("new", "--targets", "q_proj,v_proj", *rank_and_seed)
        rankscope("train", file, "--out", folder, "--set", f"adapter.alpha={2 * rank}")
        file.unlink()
    rankscope("evidence", folder, "--measure", "base", "--json")
    return RunFolder.open(folder)


def rankscope(*words: Any) -> None:
    """Run a command."""
    command = [sys.executable, "-m", "app", *map(str, words)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def table(runs: dict[str, RunFolder]) -> str:
    """Return the numbers in words."""
    drafts = {name: opened(run.path) for name, run in runs.items()}
    steps = runs[WIDE].state().step
    lines = [
        f"q_proj and v_proj of the starter model, {steps} steps, α = 2r, layer {LAYER} of 30. "
        "`python scripts/paper_figures.py --write` does it again.\n\n",
        "| Right singular vectors of A (Figures 3 and 4 of the paper) | φ(1, 1) | φ(4, 4) | "
        "φ(8, 8) | by chance |\n|---|---:|---:|---:|---:|\n",
    ]
    for words, one, two in (("r = 8 and r = 64", NARROW, WIDE), ("r = 64, two seeds", WIDE, OTHER)):
        found = {m.name: m for m in compare(drafts[one], drafts[two]).modules}
        for name in MODULES:
            spaces = found[name].subspaces["A"]
            shown = " | ".join(f"{spaces.similarity[k, k]:.2f}" for k in (0, 3, 7))
            chance = f"{spaces.null[0, 0]:.3f} to {spaces.null[7, 7]:.3f}"
            lines.append(f"| {words}, {name.rpartition('.')[2]} | {shown} | {chance} |\n")
    return "".join([*lines, "\n", *amplification(runs)])


def amplification(runs: dict[str, RunFolder]) -> list[str]:
    """Return Table 7 of the paper: what of W lies where ΔW points, and how far it is amplified."""
    lines = [
        "| Amplification (Table 7), q_proj | ‖W‖ | ‖ΔW‖ | ‖UᵀWV‖, first 4 | by chance | "
        "‖ΔW‖/‖UᵀWV‖ |\n|---|---:|---:|---:|---:|---:|\n"
    ]
    for name in (NARROW, WIDE):
        base = EvidenceRequest.of_run(runs[name], "base").result()
        assert isinstance(base, BaseComparison)
        module = base.by_name[MODULES[0]]
        inside, times, factor = module.projection[3], module.alignment(4), module.amplification(4)
        lines.append(
            f"| r = {RUNS[name][0]} | {module.base_norm:.1f} | {module.update_norm:.3f} | "
            f"{inside:.2f} | {inside / times:.2f} | {factor:.2f} |\n"
        )
    return lines


def draw(runs: Path) -> None:
    """Let the window draw the figures, light and dark."""
    from app.application import build

    application = build(["rankscope"])
    application.window.resize(1280, 900)
    application.window.show()
    application.run.open(runs / NARROW)
    application.window.go("ranks")
    live(1.0)
    page = ranks_page(application)
    for file, module in zip(("q", "v"), MODULES, strict=True):
        page.desk.select(module)
        compared(application, runs / WIDE)
        save(application, page.views["Compare"].map_card, f"paper-ranks-{file}")
    page.tabs.show_widget(page.views["Against the base"])
    page.desk.select(MODULES[0])
    live(0.5)
    save(application, page.views["Against the base"].alignment_card, "paper-amplification")
    application.run.open(runs / WIDE)
    live(1.0)
    page.desk.select(MODULES[0])
    compared(application, runs / OTHER)
    save(application, page.views["Compare"].map_card, "paper-seeds-q")
    application.close()


def ranks_page(application: "Application") -> Any:
    """Return the Ranks page, whose views are made when it is first shown."""
    return application.window.page("ranks")


def compared(application: "Application", other: Path) -> None:
    """Compare the shown run with another one, by the directions of A."""
    page = ranks_page(application)
    view = page.views["Compare"]
    page.tabs.show_widget(view)
    live(0.3)
    view.compare_with(other)
    wait_until(lambda: not view.comparison.busy, SECONDS)
    view.side.set_value("A")
    view.draw()
    live(0.3)


def save(application: "Application", card: Any, name: str) -> None:
    """Save a card as it is seen, in both themes."""
    for theme, end in THEMES:
        application.theme.choose(theme)
        live(0.5)
        card.grab().save(str(PICTURES / f"{name}{end}.png"))


if __name__ == "__main__":
    sys.exit(main())
