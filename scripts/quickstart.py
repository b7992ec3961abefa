"""The quick start: everything that the window does, once, through the command line.

    python scripts/quickstart.py [--method lora|qlora|rslora|dora] [--steps N] [--no-pictures]

Trains the starter model on the starter data and ends with the loss before and after, the memory
predicted against measured, the rank report, and pictures of the window's pages.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from core.events import AdapterProven
from core.history import History
from core.paths import runs_dir
from core.run_folder import RunFolder, new_run_path

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "build" / "quickstart"
METHODS = ("lora", "qlora", "rslora", "dora")
GIB = 1024**3


def main() -> int:
    """Do the steps one after another; the first that fails ends the quick start."""
    arguments = parse()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    run = new_run_path(runs_dir(), f"quick-start-{arguments.method}")
    settings = OUTPUT / f"{arguments.method}.toml"
    settings.unlink(missing_ok=True)
    options = ["--name", run.name, "--method", arguments.method, "--steps", str(arguments.steps)]
    train = ["train", str(settings), "--out", str(run)]
    try:
        step("Settings", "new", *options, "--out", str(settings))
        step("Memory before any of it is spent", "plan", "--model", "starter")
        step("Training (Ctrl+C saves and stops)", *train)
        step("What was learned", "ranks", str(run / "adapter"))
    except subprocess.CalledProcessError as error:
        return error.returncode
    pictures = [] if arguments.no_pictures else draw(run)
    print("\n== Result\n" + "\n".join(result(RunFolder.open(run), pictures)))
    return 0


def parse() -> argparse.Namespace:
    """Return the arguments."""
    parser = argparse.ArgumentParser(description="Train the starter model on the starter data.")
    parser.add_argument("--method", choices=METHODS, default="lora")
    parser.add_argument("--steps", type=int, default=60, help="optimizer steps of 8 rows")
    parser.add_argument("--no-pictures", action="store_true", help="leave the pictures out")
    return parser.parse_args()


def step(title: str, *command: str) -> None:
    """Print the command and run it.

    Raises:
        CalledProcessError: It failed; it has said why.
    """
    print(f"\n== {title}\n$ rankscope {' '.join(command)}", flush=True)
    subprocess.run([sys.executable, "-m", "app", *command], cwd=ROOT, check=True)


def draw(run: Path) -> list[Path]:
    """Render the pages of the window with this run open; return the pictures."""
    folder = OUTPUT / "pictures"
    print("\n== Pictures of the window", flush=True)
    script = [str(ROOT / "scripts" / "screenshots.py"), "--run", str(run), "--out", str(folder)]
    done = subprocess.run([sys.executable, *script], cwd=ROOT)
    return sorted(folder.glob("*.png")) if done.returncode == 0 else []


def result(run: RunFolder, pictures: list[Path]) -> Iterator[str]:
    """Yield the lines that sum the run up."""
    losses = History(run.events()).evaluations
    first, last = losses["loss"][0], losses["loss"][-1]
    yield (
        f"Held-out loss   {first:.3f} at step 0, {last:.3f} at step {losses['step'][-1]:.0f}: "
        f"{100 * (first - last) / first:.0f} % lower (nats per answer token)"
    )
    state = run.state()
    if state.predicted_bytes and state.measured_bytes:
        off = 100 * (state.predicted_bytes / state.measured_bytes - 1)
        yield (
            f"Peak memory     {state.predicted_bytes / GIB:.2f} GiB predicted, "
            f"{state.measured_bytes / GIB:.2f} GiB measured (the prediction is {off:+.1f} % off)"
        )
    for event in run.events():
        if isinstance(event, AdapterProven):
            yield (
                f"Proof           {event.modules - len(event.zero_modules)} of {event.modules} "
                f"modules changed; a logit moves by up to {event.logit_difference:.2f}"
            )
    yield f"Adapter         {run.adapter_dir}"
    if pictures:
        yield f"Pictures        {pictures[0].parent}: {', '.join(file.name for file in pictures)}"
    yield "Next            `make run` on a machine with a screen, or `rankscope --help`"


if __name__ == "__main__":
    sys.exit(main())
