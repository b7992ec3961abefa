"""The window with everything behind it, and nothing left over afterwards."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import QThread
from pytestqt.qtbot import QtBot

from app.application import Application, build
from app.worker_pool import WorkerPool

FAKE_WORKER = Path(__file__).parent / "fake_worker.py"


def worker_processes() -> list[psutil.Process]:
    """Child processes of this one, those that ended but were not waited for left out."""
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            if child.status() != psutil.STATUS_ZOMBIE:
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


@pytest.fixture
def no_leaks() -> Iterator[None]:
    """Fail on a worker process, a thread of Qt or of Python that a test leaves behind."""
    before = {process.pid for process in worker_processes()}
    threads = set(threading.enumerate())
    yield
    left = [process for process in worker_processes() if process.pid not in before]
    _, alive = psutil.wait_procs(left, timeout=3)
    for process in alive:
        process.kill()
    assert not alive, f"worker processes left behind: {alive}"
    for thread in set(threading.enumerate()) - threads:
        if isinstance(thread, threading._DummyThread):  # a QThread that logged something
            continue
        thread.join(3)
        assert not thread.is_alive(), f"thread left behind: {thread}"


@pytest.fixture
def application(qtbot: QtBot, home: Path, no_leaks: None) -> Iterator[Application]:
    """The window, built as `main` builds it but not shown, in an empty home."""
    made = build(["rankscope"])
    made.theme.choose("light")
    yield made
    made.theme.choose("light")
    made.theme.set_text_scale(1.0)
    made.close()
    for thread in made.window.findChildren(QThread):
        assert thread.isFinished()
    made.window.deleteLater()
    qtbot.wait(1)


@pytest.fixture
def shown(application: Application, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Application:
    """The window on the screen with the starter model read; the workers stay asleep."""
    monkeypatch.setattr(WorkerPool, "warm_up", lambda self: None)
    monkeypatch.setattr(type(application.session), "read_data", lambda self: None)
    application.window.show()
    qtbot.waitUntil(lambda: application.session.model is not None, timeout=5000)
    return application


@pytest.fixture
def fake_pool(no_leaks: None) -> Iterator[Callable[[str], WorkerPool]]:
    """Pools whose workers follow a script of `fake_worker.py`."""
    import sys

    pools = []

    def make(script: str) -> WorkerPool:
        pool = WorkerPool([sys.executable, str(FAKE_WORKER), script])
        pools.append(pool)
        return pool

    yield make
    for pool in pools:
        pool.close()
