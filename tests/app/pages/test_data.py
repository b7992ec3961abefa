"""Data page: rows, tokens, the cut line, warnings and errors in their place."""

import gzip
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.pages.base import PageContext
from app.pages.data import DataPage
from app.widgets.token_view import Token
from core.data.lengths import RowLengths, Tally
from core.events import Progress, Reply, RunEnded
from core.jobs import JOBS

LENGTHS = [40, 50, 60, 70, 80] * 100
ROW_LENGTHS = RowLengths(
    tokens=Tally.of(LENGTHS),
    starts=Tally.of(length - 20 for length in LENGTHS),
    ends=Tally.of(LENGTHS),
    firsts=Tally.of(length - 20 for length in LENGTHS),
    longest=[[length, length - 20, length] for length in sorted(LENGTHS, reverse=True)],
)


def summary(**changes: Any) -> dict[str, Any]:
    data = {
        "rows": len(LENGTHS),
        "complete": True,
        "held_out": 25,
        "tokens": 30000,
        "trained_tokens": 10000,
        "lengths": ROW_LENGTHS.as_json(),
        "cut_rows": 0,
        "cut_trained_tokens": 0,
        "empty_rows": 0,
        "repeated_rows": 0,
        "landmarks": {"longest": 4, "shortest": 0},
        "suggested_length": 128,
        "first": 0,
        "previews": [[f"Question {n}", f"Answer {n}"] for n in range(50)],
        "format": "prompt-answer",
        "columns": ["prompt", "answer"],
        "roles": {"prompt": "prompt", "answer": "answer"},
        "path": "/data/rows.jsonl",
        "warnings": [],
    }
    return {**data, **changes}


@pytest.fixture
def page(qtbot: QtBot, context: PageContext) -> DataPage:
    context.session.read_data()
    made = DataPage(context)
    qtbot.addWidget(made)
    made.resize(1080, 624)
    made.show()
    return made


def task(page: DataPage, job: str = "dataset") -> Any:
    return page.context.assistant.data.last(job)


def read(page: DataPage, **changes: Any) -> None:
    task(page).say(Reply(data=summary(**changes)))


def test_progress_then_totals(page: DataPage) -> None:
    assert page.subtitle() == "reading …"
    task(page).say(Progress(phase="tokenising", message="Tokenising 3,000 rows", share=0.25))
    assert page.doing.isVisible()
    assert page.bar.value() == 250
    read(page)
    assert not page.bar.isVisible()
    assert [page.source.total(n) for n in ("rows", "held out", "tokens", "trained")] == [
        "500",
        "25",
        "30,000",
        "33.3 %",
    ]
    assert page.mark() == "ok"
    assert page.rows.rows.rowCount() == 500


def test_a_row_shows_its_tokens(page: DataPage, qtbot: QtBot) -> None:
    read(page)
    rect = page.rows.list.visualRect(page.rows.rows.index(3))
    qtbot.mouseClick(page.rows.list.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())
    asked = task(page, "tokens")
    assert asked.request["row"] == 3
    tokens = [
        {"id": 1, "text": "<|im_start|>", "state": "masked", "special": True},
        {"id": 2, "text": "user\n", "state": "masked", "special": False},
        {"id": 1927, "text": " fina", "state": "trained", "special": False},
        {"id": 4, "text": "l", "state": "cut", "special": False},
    ]
    prompt = [{**token, "state": "asked"} for token in tokens[:2]]
    asked.say(Reply(data={"row": 3, "tokens": tokens, "asked": prompt}))
    assert page.tokens.title.text() == "Row 4 as the model reads it"
    assert page.tokens.position.text() == "Position 2   ·fina   id 1,927"
    view = page.tokens.view
    qtbot.mouseClick(
        view.viewport(), Qt.MouseButton.LeftButton, pos=view.rect_of(3).center().toPoint()
    )
    qtbot.waitUntil(lambda: page.tokens.meaning.full_text.startswith("cut:"))
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Home)
    assert "masked" in view.accessibleDescription()
    qtbot.keyClick(view, Qt.Key.Key_Down)
    assert view.accessibleDescription().startswith("position 2")


def test_rows_further_down_are_fetched_when_they_come_into_sight(
    page: DataPage, qtbot: QtBot
) -> None:
    read(page)
    page.rows.list.scrollTo(page.rows.rows.index(450))
    page.rows.list.viewport().repaint()
    lane = page.context.assistant.data
    qtbot.waitUntil(lambda: any(t.job == "rows" for t in lane.tasks))
    asked = task(page, "rows").request["rows"]
    assert 450 in asked
    assert len(asked) < 100
    page.rows.list.scrollTo(page.rows.rows.index(0))  # passed by: not asked for, but what is left
    page.rows.list.viewport().repaint()
    previews = [[f"Question {n}", f"Answer {n}"] for n in asked]
    task(page, "rows").say(Reply(data={"rows": asked, "previews": previews, "lengths": asked}))
    assert page.rows.rows.row_view(450).question == "Question 450"
    assert page.rows.rows.row_view(450).length == 450
    assert task(page, "rows").request["rows"][0] == 0


def test_the_row_as_it_is_asked(page: DataPage, qtbot: QtBot) -> None:
    read(page)
    learned = [{"id": n, "text": "a", "state": "masked", "special": False} for n in range(5)]
    asked = [{**token, "state": "asked"} for token in learned[:3]]
    task(page, "tokens").say(Reply(data={"row": 0, "tokens": learned, "asked": asked}))
    page.tokens.bar.view.set_value(True)
    assert [token.id for token in page.tokens.view.tokens] == [0, 1, 2]
    assert page.tokens.message.text() == "The same tokens as in training."
    asked[1]["id"] = 77
    task(page, "tokens").say(Reply(data={"row": 0, "tokens": learned, "asked": asked}))
    assert page.tokens.message.text().endswith("differ from position 1 on.")
    task(page, "tokens").say(Reply(data={"row": 0, "tokens": learned, "asked": None}))
    assert page.tokens.message.text().startswith("This row has no answer")
    page.tokens.bar.view.set_value(False)
    assert len(page.tokens.view.tokens) == 5
    assert not page.tokens.message.isVisible()


def test_rows_by_step_number_and_landmark(page: DataPage, qtbot: QtBot) -> None:
    read(page)
    bar, left = page.tokens.bar, Qt.MouseButton.LeftButton
    qtbot.mouseClick(bar.next, left)
    qtbot.mouseClick(bar.next, left)
    qtbot.mouseClick(bar.previous, left)
    assert task(page, "tokens").request["row"] == 1
    bar.number.selectAll()
    qtbot.keyClicks(bar.number, "412")
    qtbot.keyClick(bar.number, Qt.Key.Key_Return)
    assert task(page, "tokens").request["row"] == 411
    page.rows.search.setText("words that hide the row")
    bar.menu.aboutToShow.emit()
    longest = next(a for a in bar.menu.actions() if a.objectName() == "longest")
    assert longest.text() == "Longest row: 5"
    longest.trigger()
    assert task(page, "tokens").request["row"] == 4
    assert not page.rows.search.text()


def test_another_file_leaves_nothing_of_the_old_one(page: DataPage, tmp_path: Path) -> None:
    read(page)
    tokens = [{"id": 1, "text": "a", "state": "trained", "special": False}]
    task(page, "tokens").say(Reply(data={"row": 0, "tokens": tokens, "asked": None}))
    page.choose(str(tmp_path / "other.jsonl"))
    assert page.source.total("rows") == "–"
    assert page.rows.rows.rowCount() == 0
    assert page.tokens.view.tokens == ()
    assert page.lengths.facts.value("Rows cut") == "–"
    assert page.doing.isVisible()
    task(page).say(Reply(data=summary(rows=100, complete=False, lengths={}, landmarks={})))
    task(page).say(Reply(data=summary(rows=300, complete=False, lengths={}, landmarks={})))
    assert page.rows.rows.rowCount() == 300
    assert page.rows.rows.row_view(7).question == "Question 7"


def test_what_the_line_does_moves_with_it(page: DataPage) -> None:
    page.context.session.change({"data.max_length": 90})
    read(page)
    facts, histogram = page.lengths.facts, page.lengths.histogram
    assert [facts.value(name) for name in ("Rows cut", "Answers lost")] == ["none", "none"]
    end = QPoint(round(histogram.x_of(65)), 40)
    QTest.mousePress(histogram, Qt.MouseButton.LeftButton, pos=end)
    length = histogram.length
    cut = sum(n > length for n in LENGTHS)
    lost = sum(max(0, n - length) for n in LENGTHS)
    assert facts.value("Rows cut") == f"{cut} (40.0 %)"
    assert facts.value("Answers lost").startswith(f"{lost:,} tokens (")
    assert facts.value("Padding").startswith("about ")
    assert page.lengths.all_button.text() == "all whole: 128"
    page.lengths.all_button.click()
    assert page.context.session.settings.data.max_length == 128


def test_find_and_cut_filter(page: DataPage, qtbot: QtBot) -> None:
    page.context.session.change({"data.max_length": 72})
    read(page, cut_rows=100)
    chip = page.rows.chips["cut"]
    qtbot.mouseClick(chip, Qt.MouseButton.LeftButton)
    assert task(page, "find").request["only"] == "cut"
    task(page, "find").say(Reply(data={"rows": [4, 9], "next": 10, "more": True}))
    assert page.rows.rows.rowCount() == 2
    assert page.rows.count.text() == "2 rows found in 2% …"
    assert task(page, "find").request["start"] == 10
    task(page, "find").say(Reply(data={"rows": [14], "next": 500, "more": False}))
    assert page.rows.count.text() == "3 rows found"
    assert [page.rows.rows.number_at(i) for i in range(3)] == [4, 9, 14]
    assert [page.rows.rows.position_of(n) for n in (9, 10)] == [1, -1]
    qtbot.mouseClick(chip, Qt.MouseButton.LeftButton)
    assert page.rows.rows.rowCount() == 500
    qtbot.keyClicks(page.rows.search, "Question 7")
    asked = task(page, "find").request
    assert (asked["text"], asked["only"], asked["start"]) == ("question 7", "all", 0)
    page.rows.search.clear()
    assert page.rows.rows.rowCount() == 500


def test_repeated_rows_are_shown_and_can_be_skipped(page: DataPage, qtbot: QtBot) -> None:
    read(page, repeated_rows=12)
    assert not page.rows.skip.isVisible()
    qtbot.mouseClick(page.rows.chips["repeated"], Qt.MouseButton.LeftButton)
    assert task(page, "find").request["only"] == "repeated"
    qtbot.mouseClick(page.rows.skip.field, Qt.MouseButton.LeftButton)
    assert page.context.session.settings.data.skip_repeated
    read(page, repeated_rows=12)
    assert page.rows.chips["repeated"].isChecked()
    assert page.rows.skip.isVisible()


def test_the_warning_has_the_action_that_mends_it(page: DataPage, qtbot: QtBot) -> None:
    read(page, cut_rows=293)
    assert page.warning.isVisible()
    assert page.warning.text == "293 rows lose their end."
    assert page.mark() == "warn"
    mend = page.findChild(object, "mend_button")
    qtbot.mouseClick(mend, Qt.MouseButton.LeftButton)
    assert page.context.session.settings.data.max_length == 128


def test_the_cut_line_sets_max_length_when_it_is_let_go(page: DataPage) -> None:
    page.context.session.change({"data.max_length": 90})
    read(page)
    histogram = page.lengths.histogram
    left = Qt.MouseButton.LeftButton
    start = QPoint(round(histogram.x_of(90)), 40)
    end = QPoint(round(histogram.x_of(65)), 40)
    asked = len(page.context.assistant.data.tasks)
    QTest.mousePress(histogram, left, pos=start)
    QTest.mouseMove(histogram, end)
    assert abs(histogram.length - 65) <= 1
    assert len(page.context.assistant.data.tasks) == asked  # nothing is read while dragging
    QTest.mouseRelease(histogram, left, pos=end)
    assert abs(page.context.session.settings.data.max_length - 65) <= 1


def test_the_cut_line_by_keyboard(page: DataPage, qtbot: QtBot) -> None:
    read(page)
    page.lengths.histogram.setFocus()
    for _ in range(3):
        qtbot.keyClick(page.lengths.histogram, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: page.context.session.settings.data.max_length == 226)


def test_a_broken_line_is_said_with_its_place(page: DataPage, tmp_path: Path) -> None:
    file = tmp_path / "broken.jsonl"
    good = '{"prompt": "a", "answer": "b"}\n'
    file.write_text(good * 2 + '{"prompt": "a" "answer"}\n')
    read(page)
    page.choose(str(file))
    task(page).say(*_run("dataset", task(page).request))
    assert page.banner.isVisible()
    assert "line 3" in page.banner.text
    assert page.mark() == "error"
    assert not page.content.isVisible()
    assert page.source.total("rows") == "–"


def test_unknown_columns_can_be_mapped(page: DataPage, qtbot: QtBot, tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text("frage,antwort\nWas?,Das.\n")
    page.choose(str(file))
    task(page).say(*_run("dataset", task(page).request))
    assert page.mapping.isVisible()
    page.mapping.prompt.set_value("frage")
    page.mapping.answer.set_value("antwort")
    qtbot.mouseClick(page.mapping.apply_button, Qt.MouseButton.LeftButton)
    data = page.context.session.settings.data
    assert (data.prompt_column, data.answer_column) == ("frage", "antwort")
    task(page).say(*_run("dataset", {**task(page).request, "source": ""}))
    assert page.source.total("rows") == "1"
    assert not page.banner.isVisible()


def drop(page: DataPage, *paths: Path) -> bool:
    """Drag paths over the page; let go where it takes them, and tell whether it does."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    how = (mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    enter = QDragEnterEvent(QPoint(9, 9), Qt.DropAction.CopyAction, *how)
    enter.ignore()
    QApplication.sendEvent(page, enter)
    if enter.isAccepted():
        QApplication.sendEvent(page, QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, *how))
    return enter.isAccepted()


def test_a_folder_of_packed_files_can_be_dropped(page: DataPage, tmp_path: Path) -> None:
    for name in ("a", "b"):
        with gzip.open(tmp_path / f"{name}.jsonl.gz", "wt") as file:
            file.write('{"prompt": "a", "answer": "b"}\n')
    assert drop(page, tmp_path)
    task(page).say(*_run("dataset", {**task(page).request, "source": ""}))
    assert page.source.total("rows") == "2"
    assert page.source.file.full_text == tmp_path.name


def test_of_several_files_none_is_taken(page: DataPage, tmp_path: Path) -> None:
    """Taking the first would learn from less than somebody meant."""
    before = page.context.session.settings.data.path
    assert not drop(page, tmp_path / "a.jsonl", tmp_path / "b.jsonl")
    assert page.context.session.settings.data.path == before


def test_a_hundred_thousand_tokens_paint_only_what_is_seen(page: DataPage, qtbot: QtBot) -> None:
    tokens = [Token(i, f" word{i}", "trained") for i in range(100_000)]
    page.tokens.view.show_tokens(tokens)
    bar = page.tokens.view.verticalScrollBar()
    bar.setValue(bar.maximum())
    page.tokens.view.repaint()
    last = page.tokens.view.rect_of(99_999)
    assert page.tokens.view.token_at(last.center()) == 99_999


def _run(job: str, request: dict[str, Any]) -> list[Any]:
    """Do a job here, as the worker would."""
    from core.control import Control
    from core.errors import UserError

    kind = JOBS[job]
    events: list[Any] = []
    try:
        for event in kind().run(kind.Request(**{**request, "source": ""}), Control()):
            events.append(event)
    except UserError as error:
        events.append(RunEnded.failed(error))
    return events
