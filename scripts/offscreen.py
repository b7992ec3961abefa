"""What the scripts share that drive the real window without anybody watching."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PySide6.QtCore import QDeadlineTimer, QEventLoop, QTimer

from core.paths import models_dir

LOOK_MS = 20


@contextmanager
def scratch_home(runs: Iterable[Path] = ()) -> Iterator[Path]:
    """Give the window a home of its own, so that it neither shows nor changes the user's.

    It sees the models that were converted already, and the given runs.
    """
    models = models_dir()
    models.mkdir(parents=True, exist_ok=True)
    before = os.environ.get("RANKSCOPE_HOME")
    with tempfile.TemporaryDirectory(prefix="rankscope-") as folder:
        home = Path(folder)
        (home / "runs").mkdir()
        (home / "models").symlink_to(models.resolve(), target_is_directory=True)
        for run in runs:
            (home / "runs" / run.name).symlink_to(run.resolve(), target_is_directory=True)
        os.environ["RANKSCOPE_HOME"] = str(home)
        try:
            yield home
        finally:
            restore("RANKSCOPE_HOME", before)


def restore(name: str, value: str | None) -> None:
    """Set an environment variable to what it was."""
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


def without_a_screen() -> None:
    """Let Qt draw into memory; must be called before the application is made."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"


def wait_until(reached: Callable[[], bool], seconds: float) -> bool:
    """Let the window live until `reached` or the time is over; return whether it was reached.

    The event loop sleeps between events, as the window's own does: a loop that only asks for events
    takes a whole core, and the worker beside it half its speed.
    """
    deadline = QDeadlineTimer(int(seconds * 1000))
    loop, look = QEventLoop(), QTimer(interval=LOOK_MS)
    look.timeout.connect(lambda: loop.quit() if reached() or deadline.hasExpired() else None)
    if not reached():
        look.start()
        loop.exec()
    return reached()


def live(seconds: float) -> None:
    """Let the window live for a while."""
    wait_until(lambda: False, seconds)


def complain(text: str) -> None:
    """Say on standard error what went wrong."""
    print(text, file=sys.stderr, flush=True)
