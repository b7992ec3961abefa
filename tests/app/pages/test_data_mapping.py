"""Which column is what: asked where it is not clear, previewed, and remembered by file."""

import json
import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.pages.base import PageContext
from app.pages.data import DataPage
from core.paths import mappings_file
from tests.app.pages.test_data import _run, page, task

__all__ = ["page"]

SHAPES = Path(__file__).parents[2] / "data" / "shapes"


def open_file(page: DataPage, file: Path) -> None:
    page.choose(str(file))
    task(page).say(*_run("dataset", {**task(page).request, "source": ""}))


def click(button: object) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def named(page: DataPage) -> tuple[str, str, str]:
    data = page.context.session.settings.data
    return data.prompt_column, data.answer_column, data.template


def test_a_guess_is_taken_with_a_click(page: DataPage) -> None:
    open_file(page, SHAPES / "31_articles.jsonl")
    assert page.mapping.isVisible()
    assert not page.mapping.apply_button.isEnabled()
    assert page.mapping.shown_turns() == ["Choose the columns, or take a guess."]
    assert "No question and answer" in page.banner.text
    assert "--set" not in page.banner.text
    [guess] = [g for g in page.mapping.guesses if g.text() == "article → highlights"]
    click(guess)
    assert page.mapping.prompt_sample.full_text == "A long article about boats."
    assert page.mapping.answer_sample.full_text == "Boats."
    assert page.mapping.shown_turns() == ["A long article about boats.", "Boats."]
    click(page.mapping.apply_button)
    assert named(page) == ("article", "highlights", "")
    task(page).say(*_run("dataset", {**task(page).request, "source": ""}))
    assert not page.mapping.isVisible()
    assert not page.banner.isVisible()
    assert page.source.total("rows") == "2"


def test_a_template_composes_the_question(page: DataPage, qtbot: QtBot) -> None:
    open_file(page, SHAPES / "31_articles.jsonl")
    page.mapping.answer.set_value("highlights")
    qtbot.keyClicks(page.mapping.template, "Sum up: {artikle}")
    assert page.mapping.shown_turns() == ["There is no column called 'artikle'."]
    assert not page.mapping.apply_button.isEnabled()
    page.mapping.template.clear()
    qtbot.keyClicks(page.mapping.template, "Sum up {{no. {id}}}: {article}")
    assert page.mapping.shown_turns()[0] == "Sum up {no. 1}: A long article about boats."
    assert not page.mapping.prompt.isEnabled()
    click(page.mapping.apply_button)
    assert named(page) == ("", "highlights", "Sum up {{no. {id}}}: {article}")


def test_what_was_said_is_remembered_for_the_file(page: DataPage, tmp_path: Path) -> None:
    file = SHAPES / "29_german.csv"
    open_file(page, file)
    click(page.mapping.guesses[0])
    click(page.mapping.apply_button)
    assert named(page) == ("frage", "antwort", "")
    open_file(page, SHAPES / "01_openai_chat.jsonl")
    assert named(page) == ("", "", "")
    copy = shutil.copy(file, tmp_path / "renamed.csv")
    open_file(page, Path(copy))
    assert named(page) == ("frage", "antwort", "")
    assert page.source.total("rows") == "2"
    (tmp_path / "renamed.csv").write_text("wort,bild\na,b\n")
    open_file(page, Path(copy))
    assert named(page) == ("", "", "")


@pytest.mark.parametrize("damage", [b"", b"[1]", b'{"x": 3', b'{"x": 3}', b"\xff\x00"])
def test_a_damaged_memory_only_asks_again(page: DataPage, damage: bytes) -> None:
    mappings_file().parent.mkdir(parents=True, exist_ok=True)
    mappings_file().write_bytes(damage)
    open_file(page, SHAPES / "29_german.csv")
    assert page.mapping.isVisible()
    click(page.mapping.guesses[0])
    click(page.mapping.apply_button)
    assert len(json.loads(mappings_file().read_bytes())) == 1


def test_what_cannot_be_trained_offers_no_guess(page: DataPage) -> None:
    open_file(page, SHAPES / "36_kto.jsonl")
    assert "The answers are judged" in page.banner.text
    assert page.mapping.guesses == []
    assert not page.mapping.apply_button.isEnabled()


def test_clear_columns_can_be_looked_at(page: DataPage, context: PageContext) -> None:
    open_file(page, SHAPES / "07_alpaca.json")
    assert not page.mapping.isVisible()
    click(page.map_button)
    assert page.mapping.isVisible()
    assert page.mapping.guesses == []
    first = "Translate to French. good day"
    assert page.mapping.shown_turns() == [first, "bonjour"]
    click(page.map_button)
    assert not page.mapping.isVisible()
