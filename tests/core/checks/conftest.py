"""A run in which nothing is wrong, for the checks to find nothing."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from core.checks import CheckContext, RehearsalFacts, gather
from core.checks.device import with_trial
from core.checks.tokens import with_tokens
from core.control import Control
from core.data.desk import DataDesk
from core.settings import RunSettings

Finish = Callable[[RunSettings], CheckContext]


@pytest.fixture(scope="session")
def desk() -> DataDesk:
    """Shared, so that the rows become tokens once."""
    return DataDesk()


@pytest.fixture(scope="session")
def good_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "rows.jsonl"
    rows = [{"prompt": f"What is {i}?", "response": f"It is {i}."} for i in range(400)]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


@pytest.fixture
def finish(desk: DataDesk) -> Finish:
    """Gather everything about a run, the tokens included."""

    def finished_context(settings: RunSettings) -> CheckContext:
        steps = with_tokens(gather(settings), desk, Control())
        while True:
            try:
                next(steps)
            except StopIteration as end:
                rehearsal = RehearsalFacts(device="cpu", modules=14)
                return replace(with_trial(end.value), near={}, rehearsal=rehearsal)

    return finished_context


@pytest.fixture
def good_settings(tiny_model: Path, good_rows: Path) -> RunSettings:
    """A tiny model and 400 rows that fit it."""
    changes = {"model.source": str(tiny_model), "data.path": str(good_rows), "data.held_out": 0.2}
    return RunSettings().with_changes(changes)


@pytest.fixture
def good(good_settings: RunSettings, finish: Finish) -> CheckContext:
    return finish(good_settings)
