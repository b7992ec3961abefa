"""Train page: settings, a live run, a hundred thousand steps, and nothing drawn while hidden."""

import dataclasses
import time
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.pages.base import PageContext
from app.pages.train import TrainPage
from app.run_state import RunPhase
from app.widgets.fields import Segmented
from core.events import CheckpointSaved, Evaluated, Event, Notice
from core.history import History
from core.run_folder import RunFolder, RunState
from core.settings import RunSettings
from tests.app.pages.conftest import make_model, take_model
from tests.app.plots.test_run_series import started, step


@pytest.fixture
def page(qtbot: QtBot, context: PageContext) -> TrainPage:
    made = TrainPage(context)
    qtbot.addWidget(made)
    made.resize(1080, 704)
    made.show()
    return made


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = RunFolder.create(tmp_path / "run", RunSettings())
    events: list[Event] = [started(), Evaluated(seconds=1000.0, step=0, loss=4.0, best=True)]
    events += [step(n, 4.0 - 0.01 * n) for n in range(1, 21)]
    events += [
        Evaluated(seconds=1040.0, step=20, loss=3.0, best=True),
        CheckpointSaved(step=20, path="x", size_bytes=1000),
        Notice(level="warning", message="A spike at step 7."),
    ]
    for number, event in enumerate(events):
        folder.append_event(event, number)
    folder.write_state(RunState(phase="finished", step=20, total_steps=100))
    return folder


def test_before_a_run_the_settings_are_there(page: TrainPage, qtbot: QtBot) -> None:
    assert page.form.isVisible()
    assert page.view is None  # and no pyqtgraph
    assert page.subtitle() == "60 steps planned"
    steps = page.form.findChild(object, "field_training.steps")
    steps.setFocus()
    steps.selectAll()
    qtbot.keyClicks(steps, "240")
    assert page.context.session.settings.training.steps == 240
    assert page.form.outcome.value("Rows learned from") == "240 × 8 = 1,920"


def test_checkpointing_is_off_auto_or_all(page: TrainPage) -> None:
    take_model(page.context, make_model(4))
    session = page.context.session
    row = page.form.rows["training.gradient_checkpointing"]
    field = page.form.findChild(Segmented, "field_training.gradient_checkpointing")
    for wanted in ("auto", "all", "off"):
        field.set_value(wanted)
        assert session.settings.training.gradient_checkpointing == wanted
    session.change({"training.gradient_checkpointing": 1})  # as an earlier run wrote it down
    assert field.value == 1
    assert row.hint.text() == f"1 of {session.plan.blocks} blocks"
    session.change({"training.gradient_checkpointing": "all"})
    assert row.hint.text() == ""


def test_beside_a_run_the_settings_are_those_of_the_next(page: TrainPage, run: RunFolder) -> None:
    assert not page.next_run.isVisible()
    page.context.run.open(run.path)
    assert not page.next_run.isVisible()
    page.switch.set_value("settings")
    assert page.next_run.isVisible()
    page.context.run.close_run()
    assert not page.next_run.isVisible()


def test_a_run_is_shown_with_its_numbers(page: TrainPage, run: RunFolder) -> None:
    page.context.run.open(run.path)
    view = page.view
    assert view is not None
    assert view.isVisible()
    assert not page.form.isVisible()
    assert view.validation.number.text() == "3.000"
    assert view.fall.number.text() == "−25.0 %"
    assert page.subtitle() == "finished, 3.00"
    assert page.mark() == "ok"
    assert "best validation loss 3.000 at step 20" in view.loss.accessibleDescription()
    page.switch.set_value("settings")
    assert page.form.isVisible()


def test_the_log_and_its_filters(page: TrainPage, run: RunFolder, qtbot: QtBot) -> None:
    page.context.run.open(run.path)
    log = page.view.log
    everything = log.lines.rowCount()
    qtbot.mouseClick(log.chips["warning"], Qt.MouseButton.LeftButton)
    assert log.lines.rowCount() == 1
    assert log.chips["warning"].text() == "Warnings 1"
    qtbot.mouseClick(log.chips["all"], Qt.MouseButton.LeftButton)
    assert log.lines.rowCount() == everything


def test_new_events_are_drawn_by_the_timer(page: TrainPage, run: RunFolder, qtbot: QtBot) -> None:
    controller = page.context.run
    controller.open(run.path)
    controller.phase = RunPhase.RUNNING
    before = len(page.view.loss.drawn()[0])
    event = step(21, 3.5, seconds=1042.0)
    controller.history.append(event)
    controller.event_arrived.emit(event)
    qtbot.waitUntil(lambda: len(page.view.loss.drawn()[0]) == before + 1)
    assert page.subtitle() == "21 %"


def test_nothing_is_drawn_while_hidden(page: TrainPage, run: RunFolder) -> None:
    page.context.run.open(run.path)
    assert page.timer.isActive()
    page.hide()
    assert not page.timer.isActive()


def test_a_hundred_thousand_steps(page: TrainPage, run: RunFolder) -> None:
    rng = np.random.default_rng(0)
    losses = rng.normal(2.0, 0.1, 100_000)
    losses[::7] = np.nan
    losses[12_345] = 50.0
    losses[-1] = 40.0
    controller = page.context.run
    controller.open(run.path)
    controller.history = History([started(), *(step(n + 1, x) for n, x in enumerate(losses))])
    begin = time.perf_counter()
    page.view.redraw()
    QApplication.processEvents()
    first = time.perf_counter() - begin
    x, y = page.view.loss.drawn()
    assert len(x) <= 2 * page.view.loss.pixels
    assert {50.0, 40.0} <= set(y)
    controller.history.append(step(100_001, 2.0))
    begin = time.perf_counter()
    page.view.redraw()
    again = time.perf_counter() - begin
    assert first < 2.0
    assert again < 0.25  # 10 ms on an idle machine


@pytest.mark.parametrize("axis", ["tokens", "time", "step"])
def test_axes(page: TrainPage, run: RunFolder, axis: str) -> None:
    page.context.run.open(run.path)
    page.view.axis.set_value(axis)
    last = {"step": 20.0, "tokens": 2210.0, "time": 40.0}[axis]
    assert page.view.series.x[-1] == last
    assert page.view.loss.drawn()[0][-1] == last


def test_the_theme_can_change_while_a_run_is_shown(page: TrainPage, run: RunFolder) -> None:
    page.context.run.open(run.path)
    page.context.theme.choose("dark")
    page.context.theme.choose("light")
    assert page.view.isVisible()


def test_the_epochs_follow_the_run(page: TrainPage, run: RunFolder) -> None:
    page.context.run.open(run.path)
    loss = page.view.loss
    assert loss._epochs == []  # 20 of them would only be clutter
    page.context.run.history = History([dataclasses.replace(started(), steps_per_epoch=40.0)])
    page.context.run.history.append(step(1, 3.0))
    page.view.redraw()
    assert [line.value() for line in loss._epochs] == [40.0, 80.0]
