"""The runs of the engine's tests, the window of the app's tests, and a place for results."""

import sys

import pytest
from pytestqt.qtbot import QtBot

from app.application import Application
from tests.app.conftest import application, no_leaks
from tests.core.training.conftest import make_run, tiny_settings
from tests.core.training.engine import one_thread, quick_proof
from tests.proof.harness import Report

__all__ = [
    "application",
    "make_run",
    "no_leaks",
    "one_thread",
    "quick_proof",
    "tiny_settings",
]


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Report:
    """Where a proof leaves what it counted."""
    return Report(write=request.node.get_closest_marker("slow") is not None)


@pytest.fixture
def window(application: Application, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Application:
    """The window on the screen; its workers die as the name of their run says."""
    monkeypatch.setattr(Application, "begin", lambda self: None)
    monkeypatch.setattr(
        application.pool, "_command", [sys.executable, "-m", "tests.proof.dying_worker"]
    )
    application.window.show()
    qtbot.waitExposed(application.window)
    return application
