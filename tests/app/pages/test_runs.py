"""Run library: every run is listed, a damaged one too; open, use again, delete."""

import os

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from app.pages.base import PageContext
from app.pages.runs import RunsPage
from core.events import Evaluated, RunStarted
from core.paths import runs_dir
from core.run_folder import RunFolder, RunState
from core.settings import RunSettings

LEFT = Qt.MouseButton.LeftButton


def make_run(name: str, rank: int, seconds: int) -> RunFolder:
    settings = RunSettings().with_changes({"adapter.rank": rank, "name": name})
    run = RunFolder.create(runs_dir() / name, settings)
    for number, loss in enumerate((4.0, 3.0, 2.5)):
        run.append_event(Evaluated(step=number * 20, loss=loss, seconds=number * 60.0), number)
    state = RunState(phase="finished", step=60, total_steps=60, first_loss=4.0, best_loss=2.5)
    run.write_state(state)
    os.utime(run.settings_file, (seconds, seconds))
    return run


@pytest.fixture
def page(qtbot: QtBot, context: PageContext) -> RunsPage:
    made = RunsPage(context)
    qtbot.addWidget(made)
    made.resize(1080, 704)
    return made


def test_an_empty_library_says_so(page: RunsPage, qtbot: QtBot) -> None:
    page.show()
    qtbot.waitUntil(page.empty.isVisible)
    assert page.subtitle() == "none yet"


def test_runs_are_listed_newest_first(page: RunsPage, qtbot: QtBot) -> None:
    make_run("first", 8, 1000)
    make_run("second", 32, 2000)
    page.show()
    model = page.table.rows
    texts = [[model.index(r, c).data() for c in range(5)] for r in range(2)]
    assert [row[0] for row in texts] == ["second", "first"]
    assert texts[0][1] == "Finished"
    assert texts[0][2] == "LoRA r 32"
    assert texts[0][3] == "2.500"
    assert page.subtitle().startswith("2 runs")


def test_a_run_that_begins_is_no_longer_listed_as_not_started(page: RunsPage, qtbot: QtBot) -> None:
    run = make_run("first", 8, 1000)
    run.write_state(RunState(phase="created", step=0, total_steps=60))
    page.show()
    assert page.table.rows.index(0, 1).data() == "Not started, 0/60"
    run.write_state(RunState(phase="stopped", step=4, total_steps=60))
    page.context.run.event_arrived.emit(
        RunStarted(
            first_step=0,
            total_steps=60,
            parameters=10,
            trainable_parameters=1,
            rows=10,
            steps_per_epoch=5,
            device="CPU",
            precision="fp32",
        )
    )
    assert page.table.rows.index(0, 1).data() == "Stopped, 4/60"


def test_a_page_that_is_first_shown_small_leaves_columns_out(page: RunsPage, qtbot: QtBot) -> None:
    make_run("first", 8, 1000)
    page.resize(960, 560)
    page.show()
    assert page.table.isColumnHidden(2)
    assert page.table.columnWidth(0) > 120
    page.details.open_button.setText("Open to resume")
    page.details.layout().activate()  # type: ignore[union-attr]
    for made in (page.details.open_button, page.details.use_button, page.details.delete_button):
        assert made.width() >= made.minimumSizeHint().width()
        assert made.width() >= made.fontMetrics().horizontalAdvance(made.text()) + 16


def test_what_changed_since_the_run_before_is_named(page: RunsPage, qtbot: QtBot) -> None:
    make_run("first", 8, 1000)
    make_run("second", 32, 2000)
    page.show()
    assert ("Rank r", "8 → 32") in page.details.pairs
    assert ("Validation loss", "4.000 → 2.500 (37.5 % lower)") in page.details.pairs


def test_a_damaged_run_is_listed_with_its_error(page: RunsPage, qtbot: QtBot) -> None:
    run = make_run("broken", 8, 1000)
    run.settings_file.write_text("[adapter]\nrnk = 3\n")
    page.show()
    row = page.table.current
    assert row is not None
    assert "adapter.rnk" in row.error


def test_open_shows_the_run(page: RunsPage, visited: list[str], qtbot: QtBot) -> None:
    run = make_run("first", 8, 1000)
    page.show()
    qtbot.mouseClick(page.details.open_button, LEFT)
    assert page.context.run.run is not None
    assert page.context.run.run.path == run.path
    assert visited == ["train"]


def test_settings_can_be_used_again(page: RunsPage, visited: list[str], qtbot: QtBot) -> None:
    make_run("first", 8, 1000)
    page.show()
    qtbot.mouseClick(page.details.use_button, LEFT)
    assert page.context.session.settings.adapter.model_dump()["rank"] == 8
    assert visited == ["adapter"]


@pytest.mark.parametrize("sure", [True, False])
def test_delete_asks_first(
    page: RunsPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, sure: bool
) -> None:
    run = make_run("first", 8, 1000)
    page.show()
    monkeypatch.setattr(QMessageBox, "exec", lambda self: 0)
    monkeypatch.setattr(
        QMessageBox, "clickedButton", lambda self: self.buttons()[-1] if sure else self.buttons()[0]
    )
    qtbot.mouseClick(page.details.delete_button, LEFT)
    assert run.path.exists() is not sure
    qtbot.waitUntil(lambda: page.empty.isVisible() is sure)
