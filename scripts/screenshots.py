"""Make pictures of every page of the real window, with a real run open in it.

    python scripts/screenshots.py [--run RUN] [--out FOLDER] [--theme light|dark|both]
                                  [--size 1280x800] [--pages adapter,ranks]

Without `--run` the newest quick-start run is shown; where there is none, one is made first.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Literal

from offscreen import complain, live, scratch_home, wait_until, without_a_screen
from page_scenes import ALL_RUNS, VIEWS, prepare_page
from PySide6.QtWidgets import QApplication

from core.paths import runs_dir
from core.run_folder import RunFolder, list_runs

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
DATA_SECONDS = 180.0
SETTLE_SECONDS = 0.6


def main() -> int:
    """Make the pictures."""
    arguments = parse()
    run = arguments.run or newest_quick_start()
    if run is None:
        done = subprocess.run([sys.executable, ROOT / "scripts" / "quickstart.py", "--no-pictures"])
        run = newest_quick_start()
        if done.returncode or run is None:
            complain("Cannot go on: the quick start, which the pictures show, did not end well.")
            return 2
    without_a_screen()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with scratch_home([run]) as home:
        draw(arguments, home / "runs" / run.name)
    return 0


def parse() -> argparse.Namespace:
    """Return the arguments."""
    parser = argparse.ArgumentParser(description="Make pictures of every page of the window.")
    parser.add_argument("--run", type=Path, help="the run to show")
    parser.add_argument("--out", type=Path, default=PICTURES)
    parser.add_argument("--theme", choices=("light", "dark", "both"), default="both")
    parser.add_argument("--size", default="1280x800", help="of the window, in logical pixels")
    parser.add_argument("--pages", default="", help="names, separated by commas; default: all")
    return parser.parse_args()


def newest_quick_start() -> Path | None:
    """Return the newest run of the quick start that ended well."""
    for run in list_runs(runs_dir()):
        if run.path.name.startswith("quick-start-lora") and run.state().phase == "finished":
            return run.path
    return None


def draw(arguments: argparse.Namespace, run: Path) -> None:
    """Open the window with `run` in it, walk the pages and save a picture of each."""
    from app.application import build

    application = build(["rankscope"])
    window = application.window
    width, height = (int(side) for side in arguments.size.split("x"))
    window.resize(width, height)
    application.theme.choose("light")
    window.show()
    application.session.load(RunFolder.open(run).settings)
    application.run.open(run)
    session = application.session
    known = wait_until(lambda: session.has_all_rows or bool(session.data_error), DATA_SECONDS)
    if not known:
        complain("The data was not read in time; its page is drawn as it is.")
    elif session.data_error:
        complain(f"The data could not be read: {session.data_error.message}")
    wanted = arguments.pages.split(",") if arguments.pages else [*window.page_names(), *ALL_RUNS]
    themes = THEMES if arguments.theme == "both" else (arguments.theme,)
    for name in wanted:
        window.go(VIEWS.get(name, name))
        live(SETTLE_SECONDS)
        prepare_page(name, application)
        for theme in themes:
            application.theme.choose(theme)
            live(SETTLE_SECONDS)
            file = arguments.out / f"{name}{'-dark' if theme == 'dark' else ''}.png"
            window.grab().save(str(file))
            print(f"  {file.name}", flush=True)
    application.close()
    QApplication.processEvents()


if __name__ == "__main__":
    sys.exit(main())
