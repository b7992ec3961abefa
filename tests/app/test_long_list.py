"""The list of millions of rows: where rows are, what the keys do, how long it takes."""

from time import perf_counter

import pytest
from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QPoint, Qt
from PySide6.QtWidgets import QAbstractItemView, QStyledItemDelegate
from pytestqt.qtbot import QtBot

from app.widgets.long_list import LongList

HEIGHT = 40


class Numbers(QAbstractListModel):
    count = 0

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else self.count

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = 0) -> object:
        return str(index.row()) if role == Qt.ItemDataRole.DisplayRole else None

    def show(self, count: int) -> None:
        self.beginResetModel()
        self.count = count
        self.endResetModel()


@pytest.fixture
def shown(qtbot: QtBot) -> tuple[LongList, Numbers]:
    view, model = LongList(HEIGHT), Numbers()
    view.setModel(model)
    view.setItemDelegate(QStyledItemDelegate(view))
    qtbot.addWidget(view)
    view.resize(300, 10 * HEIGHT)
    view.show()
    return view, model


@pytest.mark.parametrize("count", [5_000_000, 200_000_000])
def test_the_last_of_many_rows_can_be_seen(
    shown: tuple[LongList, Numbers], count: int, qtbot: QtBot
) -> None:
    view, model = shown
    begun = perf_counter()
    model.show(count)
    view.scrollTo(model.index(count - 1))
    bar = view.verticalScrollBar()
    bar.setValue(bar.maximum())
    view.repaint()
    assert perf_counter() - begun < 1.0  # Qt's own list takes 13 seconds for five million
    place = view.viewport().rect().bottomLeft() - QPoint(-5, HEIGHT // 2)
    last = view.indexAt(place)
    assert last.row() >= count - 2
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert view.currentIndex().row() == last.row()
    view.scrollTo(model.index(0))
    assert view.visualRect(model.index(0)).top() == 0


def test_the_keys_move_the_current_row(shown: tuple[LongList, Numbers], qtbot: QtBot) -> None:
    view, model = shown
    model.show(1000)
    view.setCurrentIndex(model.index(0))
    page = view.viewport().height() // HEIGHT
    key = Qt.Key
    moves = (
        (key.Key_Down, 1),
        (key.Key_PageDown, 1 + page),
        (key.Key_Up, page),
        (key.Key_End, 999),
        (key.Key_Down, 999),
        (key.Key_PageUp, 999 - page),
        (key.Key_Home, 0),
    )
    for pressed, row in moves:
        qtbot.keyClick(view, pressed)
        assert view.currentIndex().row() == row
        assert view.viewport().rect().contains(view.visualRect(view.currentIndex()).center())
    assert [i.row() for i in view.selectionModel().selectedIndexes()] == [0]


def test_rows_that_come_later_can_be_scrolled_to(shown: tuple[LongList, Numbers]) -> None:
    view, model = shown
    model.show(20)
    model.beginInsertRows(QModelIndex(), 20, 99)
    model.count = 100
    model.endInsertRows()
    view.scrollTo(model.index(99), QAbstractItemView.ScrollHint.PositionAtCenter)
    assert view.indexAt(QPoint(5, view.viewport().height() - 1)).row() == 99
