"""The runs of the engine's tests, the window of the app's tests, and a place for results."""

import pytest

from tests.app.conftest import application, fake_pool, no_leaks, shown
from tests.core.training.conftest import make_run, tiny_settings
from tests.core.training.engine import one_thread, quick_proof
from tests.proof.harness import Report

__all__ = [
    "application",
    "fake_pool",
    "make_run",
    "no_leaks",
    "one_thread",
    "quick_proof",
    "shown",
    "tiny_settings",
]


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Report:
    """Where a proof leaves what it counted."""
    return Report(write=request.node.get_closest_marker("slow") is not None)
