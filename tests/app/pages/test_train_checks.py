"""The preflight list in the window: it follows the settings, and its buttons mend."""

from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.pages.base import PageContext
from app.pages.train import TrainPage
from app.widgets.basic import Button
from core.events import Progress, Reply, RunEnded
from core.models.info import ModelInfo
from tests.app.pages.test_data import summary


def found(level: str, **changes: Any) -> dict[str, Any]:
    result = {"id": f"a-{level}", "level": level, "message": "It is so.", "fix": "", "changes": {}}
    return {**result, **changes}


CUT = found(
    "warn", id="answers-cut", fix="Set data.max_length to 512.", changes={"data.max_length": 512}
)


@pytest.fixture
def page(qtbot: QtBot, context: PageContext, small_model: ModelInfo) -> TrainPage:
    session = context.session
    session.model = small_model
    made = TrainPage(context)
    qtbot.addWidget(made)
    made.resize(1080, 700)
    made.show()
    session.read_data()
    session.assistant.data.last("dataset").say(Reply(data=summary()))  # type: ignore[attr-defined]
    checks = next(b for b in made.switch.findChildren(Button) if b.text() == "Checks")
    qtbot.mouseClick(checks, Qt.MouseButton.LeftButton)
    context.launch.preflight.run()
    return made


def worker(page: TrainPage) -> Any:
    return page.context.assistant.data.last("check")  # type: ignore[attr-defined]


def shown(rows: list[Any]) -> list[str]:
    return [row.message.text() for row in rows if row.isVisible()]


def test_findings_come_as_the_worker_makes_them(page: TrainPage) -> None:
    worker(page).say(Progress(phase="trying", message="Trying the device"))
    assert page.checks.state.text() == "Trying the device …"
    worker(page).say(Reply(data={"checks": [CUT, found("ok", message="All is well.")]}))
    assert "All is well." in shown(page.checks.fine.rows)
    worker(page).say(Reply(data={"checks": [found("block"), CUT]}), RunEnded(outcome="finished"))
    assert "must be mended" in page.checks.state.text()
    assert page.context.launch.blocks
    assert not page.context.launch.enabled


def test_a_button_mends_and_what_was_said_before_is_forgotten(
    page: TrainPage, qtbot: QtBot
) -> None:
    worker(page).say(Reply(data={"checks": [CUT]}), RunEnded(outcome="finished"))
    row = next(r for r in page.checks.trouble.rows if r.fix.text() == "Set Max length to 512.")
    qtbot.mouseClick(row.apply, Qt.MouseButton.LeftButton)
    assert page.context.session.settings.data.max_length == 512
    assert page.context.launch.preflight.results == []
    assert not any(r.isVisible() and "512" in r.fix.text() for r in page.checks.trouble.rows)


def test_a_worker_that_fails_is_told(page: TrainPage) -> None:
    worker(page).say(RunEnded(outcome="failed", message="The worker ended."))
    assert page.checks.state.text() == "Some checks could not be made: The worker ended."


def test_results_of_other_settings_are_not_heard(page: TrainPage) -> None:
    asked = worker(page)
    page.context.session.change({"training.steps": 9})
    asked.say(Reply(data={"checks": [found("block")]}))
    assert not page.context.launch.blocks
