"""The preflight list in the window: it follows the settings, and its buttons mend."""

from dataclasses import asdict, replace
from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.pages.base import PageContext
from app.pages.train import TrainPage
from app.pages.train_checks import CheckRow
from app.widgets.buttons import Button
from core.checks import RehearsalFacts
from core.errors import UserError
from core.events import Progress, Reply, RunEnded
from core.models.info import ModelInfo
from core.settings import RunSettings
from tests.app.pages.conftest import take_model
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


def button_row(page: TrainPage, words: str) -> CheckRow:
    rows = page.checks.trouble.rows
    return next(row for row in rows if row.isVisible() and row.apply.text() == words)


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
    row = button_row(page, "Set max length to 512 tokens")
    qtbot.mouseClick(row.apply, Qt.MouseButton.LeftButton)
    assert page.context.session.settings.data.max_length == 512
    assert page.context.launch.preflight.results == []
    assert not any(r.isVisible() and "512" in r.fix.text() for r in page.checks.trouble.rows)


def test_what_a_button_set_can_be_taken_back(page: TrainPage, qtbot: QtBot) -> None:
    worker(page).say(Reply(data={"checks": [CUT]}), RunEnded(outcome="finished"))
    before = page.context.session.settings
    assert not page.checks.mended.isVisible()
    qtbot.mouseClick(
        button_row(page, "Set max length to 512 tokens").apply, Qt.MouseButton.LeftButton
    )
    assert page.checks.mended.words.text() == "Done: Max length: 512."
    qtbot.mouseClick(page.checks.mended.undo, Qt.MouseButton.LeftButton)
    assert page.context.session.settings == before
    assert not page.checks.mended.isVisible()


def test_several_settings_are_all_named(page: TrainPage) -> None:
    both = found("warn", changes={"training.learning_rate": 2e-4, "data.max_length": 512})
    worker(page).say(Reply(data={"checks": [both]}))
    row = button_row(page, "Set learning rate to 0.0002 and 1 more")
    assert row.apply.toolTip() == "Learning rate: 0.0002\nMax length: 512"


def test_a_number_typed_wrong_is_mended_from_here(page: TrainPage, qtbot: QtBot) -> None:
    row = page.form.rows["training.learning_rate"]
    row.field.setText("-1")
    row.field.editingFinished.emit()
    page.context.launch.check()
    assert not page.context.launch.enabled
    mend = button_row(page, "Set learning rate to 0.0005")
    qtbot.mouseClick(mend.apply, Qt.MouseButton.LeftButton)
    assert row.field.text() == "5e-4" or row.field.text() == "0.0005"
    assert row.error == ""
    page.context.launch.check()
    assert page.context.launch.enabled


def test_start_anyway_is_no_word_for_a_button_that_cannot_be_pressed(page: TrainPage) -> None:
    worker(page).say(Reply(data={"checks": [CUT]}))
    assert page.context.launch.label == "Start anyway"
    worker(page).say(Reply(data={"checks": [CUT, found("block")]}))
    assert page.context.launch.label == "Start"


def test_the_window_names_settings_by_their_titles(page: TrainPage) -> None:
    keys = found("block", message="data.max_length is odd.", fix="Set data.prompt_column.")
    worker(page).say(Reply(data={"checks": [keys]}))
    assert page.context.launch.why_not == "Max length is odd. Set Prompt column."


def test_a_worker_that_fails_is_told(page: TrainPage) -> None:
    worker(page).say(RunEnded(outcome="failed", message="The worker ended."))
    assert page.checks.state.text() == "Some checks could not be made: The worker ended."


def test_results_of_other_settings_are_not_heard(page: TrainPage) -> None:
    asked = worker(page)
    page.context.session.change({"training.steps": 9})
    asked.say(Reply(data={"checks": [found("block")]}))
    assert not page.context.launch.blocks


def facts(**changes: Any) -> Reply:
    return Reply(data={"rehearsal": asdict(replace(RehearsalFacts(device="cpu"), **changes))})


@pytest.fixture
def tried(page: TrainPage, qtbot: QtBot) -> TrainPage:
    take_model(page.context, page.context.session.model)  # type: ignore[arg-type]
    page.context.session.device = page.context.session.devices[0]
    qtbot.mouseClick(page.checks.rehearsal.start, Qt.MouseButton.LeftButton)
    return page


def rehearsal(page: TrainPage) -> Any:
    return page.context.assistant.own.last("rehearse")  # type: ignore[attr-defined]


def test_a_run_is_tried_out_and_the_result_stays_for_its_settings(tried: TrainPage) -> None:
    panel, session = tried.checks.rehearsal, tried.context.session
    rehearsal(tried).say(Progress(phase="training", message="Step 1 of 2", share=0.25))
    assert panel.words.text() == "Step 1 of 2"
    assert (panel.bar.value(), panel.cancel.isVisible()) == (250, True)
    rehearsal(tried).say(facts(failed_at="in step 2", reason="It broke."))
    rehearsal(tried).say(RunEnded(outcome="finished"))
    rehearsal(tried).on_gone()
    tried.context.launch.check()
    assert "Tried out, the run failed in step 2: It broke." in shown(tried.checks.trouble.rows)
    assert not tried.context.launch.enabled
    assert panel.start.text() == "Try again"
    session.change({"training.seed": 9})
    tried.context.launch.check()
    assert tried.context.launch.enabled
    assert panel.start.text() == "Try it"
    session.undo()
    session.assistant.data.last("dataset").say(Reply(data=summary()))  # type: ignore[attr-defined]
    tried.context.launch.check()
    assert not tried.context.launch.enabled


def test_a_rehearsal_is_cancelled(tried: TrainPage, qtbot: QtBot) -> None:
    qtbot.mouseClick(tried.checks.rehearsal.cancel, Qt.MouseButton.LeftButton)
    assert rehearsal(tried).cancelled
    assert tried.checks.rehearsal.start.isVisible()
    assert tried.context.launch.enabled


def test_a_model_that_is_missing_is_listed_once(page: TrainPage) -> None:
    session, missing = page.context.session, UserError("There is no model at x.", "Choose one.")
    session.model, session.model_error, session.data_error = None, missing, missing
    page.context.launch.check()
    blocks = [result for result in page.context.launch.results if result.level == "block"]
    assert [block.id for block in blocks] == ["model-readable"]


@pytest.fixture
def started(page: TrainPage, monkeypatch: pytest.MonkeyPatch) -> list[RunSettings]:
    settings: list[RunSettings] = []
    monkeypatch.setattr(page.context.run, "start", settings.append)
    return settings


def test_a_start_waits_for_the_checks(page: TrainPage, started: list[RunSettings]) -> None:
    launch = page.context.launch
    launch.press()
    assert (launch.label, started) == ("Start now", [])
    assert launch.why_not == "It starts as soon as the checks are done."
    worker(page).say(Reply(data={"checks": [found("ok")]}), RunEnded(outcome="finished"))
    assert started == [page.context.session.settings]


@pytest.mark.parametrize("level", ["warn", "block"])
def test_a_start_is_not_made_when_the_checks_find_something(
    level: str, page: TrainPage, started: list[RunSettings]
) -> None:
    launch = page.context.launch
    launch.press()
    worker(page).say(Reply(data={"checks": [found(level)]}), RunEnded(outcome="finished"))
    assert started == []
    launch.press()
    assert len(started) == (level == "warn")


def test_who_cannot_wait_starts_at_once(page: TrainPage, started: list[RunSettings]) -> None:
    page.context.launch.press()
    page.context.launch.press()
    assert len(started) == 1


def test_a_start_that_waits_is_dropped_when_settings_change(
    page: TrainPage, started: list[RunSettings]
) -> None:
    page.context.launch.press()
    page.context.session.change({"training.steps": 9})
    assert page.context.launch.label == "Start"
    page.context.launch.preflight.run()
    worker(page).say(Reply(data={"checks": []}), RunEnded(outcome="finished"))
    assert started == []
