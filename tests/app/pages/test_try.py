"""Try page: questions to both sides, streamed, stopped, refused."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.pages.base import PageContext
from app.pages.try_page import TryPage
from core.events import Answer, Progress, RunEnded
from core.paths import runs_dir
from core.run_folder import RunFolder, RunState
from core.settings import RunSettings

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def run(home: Path) -> RunFolder:
    folder = RunFolder.create(runs_dir() / "words", RunSettings())
    folder.adapter_dir.mkdir()
    (folder.adapter_dir / "adapter_config.json").write_text("{}")
    folder.write_state(RunState(phase="finished", step=20, best="step-00000020"))
    return folder


@pytest.fixture
def page(qtbot: QtBot, context: PageContext) -> TryPage:
    made = TryPage(context)
    qtbot.addWidget(made)
    made.resize(1080, 704)
    made.show()
    return made


def piece(speaker: str, text: str, stop: str = "") -> Answer:
    return Answer(speaker=speaker, text=text, tokens=2, tokens_per_second=9.0, stop=stop)


def ask(page: TryPage, qtbot: QtBot, question: str = "Define sea.") -> object:
    qtbot.keyClicks(page.prompt.field, question)
    qtbot.mouseClick(page.prompt.button, LEFT)
    return page.context.assistant.chat.last("chat")


def test_before_training_only_the_base_answers(page: TryPage, qtbot: QtBot) -> None:
    assert page.sides == ("base",)
    assert page.subtitle() == "base model only"
    task = ask(page, qtbot)
    assert task.request["sides"] == ("base",)
    assert task.request["adapter"] == ""


def test_both_answers_stream_side_by_side(page: TryPage, run: RunFolder, qtbot: QtBot) -> None:
    page.context.run.open(run.path)
    assert page.choice.path == str(run.adapter_dir)
    assert page.subtitle() == "best, step 20"
    task = ask(page, qtbot)
    assert task.request["sides"] == ("base", "adapter")
    assert page.prompt.button.text() == "Stop"
    task.say(Progress(phase="loading", message="Loading the model"))
    assert "Loading the model" in page.banner.text
    task.say(piece("base", "a "), piece("adapter", "the "), piece("base", "lake", "end"))
    task.say(piece("adapter", "sea", "length"), RunEnded(outcome="finished"))
    panes = page.turn.panes
    assert panes["base"].text.text() == "a lake"
    assert panes["adapter"].text.text() == "the sea"
    assert "stopped by itself" in panes["base"].foot.text()
    assert "cut" in panes["adapter"].foot.text()
    assert page.banner.isHidden()
    assert page.prompt.button.text() == "Ask both"


def test_a_refusal_is_said_in_place(page: TryPage, qtbot: QtBot) -> None:
    task = ask(page, qtbot)
    task.say(RunEnded(outcome="failed", message="0 of 210 modules match.", hint="Choose X."))
    assert page.banner.text == "0 of 210 modules match."
    assert page.turn.panes["base"].foot.text() == "no answer"


def test_an_empty_question_is_not_asked(page: TryPage, qtbot: QtBot) -> None:
    qtbot.mouseClick(page.prompt.button, LEFT)
    assert page.context.assistant.chat.tasks == []


def test_suggestions_come_from_the_held_out_rows(page: TryPage, qtbot: QtBot) -> None:
    session = page.context.session
    session.data = {"held_out_previews": [["Define bay.", "a small part of the sea"]]}
    session.data_changed.emit()
    chip = page.prompt.suggestions[0]
    qtbot.mouseClick(chip, LEFT)
    task = page.context.assistant.chat.last("chat")
    assert task.request["messages"][0]["content"] == "Define bay."
    assert page.turn.held_out == "a small part of the sea"


def test_no_adapter_in_a_folder_is_said(page: TryPage, tmp_path: Path) -> None:
    page.open_adapter(tmp_path)
    assert page.banner.isVisible()
    assert page.sides == ("base",)
