"""Rankscope training freely, with its window open or without one; the parent stops its clock.

python -m speed.window open|none SPEC      RANKSCOPE_HOME says where the run is kept
"""

import json
import sys

from core.libraries import prepare_libraries

prepare_libraries()  # before anything imports torch, as the worker and the command line do

from offscreen import live, without_a_screen  # noqa: E402

from core.paths import runs_dir  # noqa: E402
from speed.examples import Spec, settings  # noqa: E402


def headless(spec: Spec) -> None:
    """Train in this process."""
    from core.control import Control
    from core.run_folder import RunFolder
    from core.training.loop import train

    for _ in train(RunFolder.create(runs_dir() / "run", settings(spec)), Control()):
        pass


def windowed(spec: Spec) -> None:
    """Train as a click on the Train page does: in the worker, with the curves drawn here."""
    without_a_screen()
    from app.application import build

    application = build(["rankscope"])
    application.window.show()
    application.window.go("train")
    application.run.start(settings(spec))
    while application.run.alive:
        live(1.0)


if __name__ == "__main__":
    way, content = sys.argv[1:]
    (windowed if way == "open" else headless)(Spec(**json.loads(content)))
