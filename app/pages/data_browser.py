"""The list of rows with its search; asks the worker for the rows that come into sight."""

from typing import Any

from PySide6.QtCore import QModelIndex, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit

from app.assistant import Assistant, Task
from app.pages.data_rows import ROW_ROLE, DataRows, RowDelegate, RowList
from app.pages.data_search import RowSearch
from app.session import Session
from app.style.theme import Theme
from app.widgets.buttons import Button, button
from app.widgets.cards import Card, hairline
from app.widgets.fields import form_row
from app.widgets.text import label
from app.words import compact, plural
from core.events import Event, Reply, RunEnded

KINDS = {
    "cut": ("cut_rows", "scissors", "Rows that are longer than the max length"),
    "untrained": ("empty_rows", "circle-x", "Rows without a trained token: they teach nothing"),
    "repeated": ("repeated_rows", "copy", "Rows that say the same as an earlier one"),
}
"""What rows can be shown alone: the number of them in a reply, an icon, what they are."""


class RowsCard(Card):
    """Search, filters of what is amiss, and the list.

    Signals:
        row_chosen: (int) Another row is the current one.
    """

    row_chosen = Signal(int)

    def __init__(self, session: Session, assistant: Assistant, theme: Theme) -> None:
        super().__init__()
        self._session, self._assistant = session, assistant
        self._data: dict[str, Any] | None = None
        self._fetching: Task | None = None
        layout = self.layout()
        assert layout is not None
        layout.setContentsMargins(1, 6, 1, 1)
        self.body.setSpacing(6)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find in rows")
        self.search.setAccessibleName("Find in rows")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._on_search)
        self.chips = {only: self._chip(only, theme) for only in KINDS}
        self.count = label("", "caption", "muted")
        self.count.hide()
        self.finder = RowSearch(session, assistant)
        self.finder.found.connect(self._on_found)
        self.finder.went_on.connect(self._count_found)
        head, below = QHBoxLayout(), QHBoxLayout()
        head.setContentsMargins(8, 0, 8, 0)
        head.addWidget(self.search, 1)
        head.addWidget(self.count)
        below.setContentsMargins(8, 0, 8, 0)
        for chip in self.chips.values():
            below.addWidget(chip)
        below.addStretch(1)
        self.rows = DataRows()
        self.rows.missing.connect(self._fetch)
        self.list = RowList()
        self.list.setModel(self.rows)
        self.list.setItemDelegate(RowDelegate(theme))
        self.list.selectionModel().currentChanged.connect(self._on_current)
        theme.changed.connect(self.list.viewport().update)
        self.body.addLayout(head)
        self.skip = form_row(session, "data.skip_repeated", theme=theme)
        self.skip.setContentsMargins(10, 0, 8, 0)
        self.skip.hide()
        self.body.addLayout(below)
        self.body.addWidget(self.skip)
        self.body.addWidget(hairline())
        self.body.addWidget(self.list, 1)

    def clear(self) -> None:
        """Show no rows: others are on their way."""
        self._data = None
        self._let_go()
        self.rows.clear()
        for chip in self.chips.values():
            chip.hide()

    def show_data(self, data: dict[str, Any]) -> None:
        """Show the rows of a reply of the job `dataset`."""
        known, self._data = self._data is not None, data
        self._let_go()
        if not known:
            self.rows.take(range(len(data["previews"])), data["previews"], ())
        self.rows.show_count(data["rows"], self._session.settings.data.max_length)
        for only, (number, _, _) in KINDS.items():
            count, chip = data.get(number, 0), self.chips[only]
            chip.setText(f"{only} {compact(count)}")
            chip.setVisible(count > 0 or chip.isChecked())
        if self._only == "all" and data["rows"] > self.finder.looked_at:
            self.finder.go_on()  # the rows that have been read since
        elif self._only != "all":
            self._on_search()

    def select(self, number: int) -> None:
        """Make a row the current one, where the list shows it."""
        position = self.rows.position_of(number)
        if position >= 0:
            self.list.setCurrentIndex(self.rows.index(position))

    def step(self, by: int) -> None:
        """Go to the next row of the list, or to the one before."""
        position = max(0, self.list.currentIndex().row()) + by
        if 0 <= position < self.rows.rowCount():
            self.list.setCurrentIndex(self.rows.index(position))

    def go_to(self, number: int) -> None:
        """Make a row the current one, if need be by showing all again."""
        if self.rows.position_of(number) < 0:
            self.search.clear()
            for chip in self.chips.values():
                chip.setChecked(False)
        self.select(number)

    def _chip(self, only: str, theme: Theme) -> Button:
        _, icon, meaning = KINDS[only]
        chip = button(only, theme=theme, role="filter", icon=icon)
        chip.setCheckable(True)
        chip.setToolTip(meaning)
        chip.setObjectName(f"only_{only}")
        chip.clicked.connect(lambda: self._on_chip(only))
        chip.toggled.connect(lambda: self._on_search())
        chip.hide()
        return chip

    @property
    def _only(self) -> str:
        return next((only for only, chip in self.chips.items() if chip.isChecked()), "all")

    # -- searching --------------------------------------------------------------------------

    def _on_chip(self, only: str) -> None:
        """Let one filter be on at a time."""
        for other, chip in self.chips.items():
            if other != only:
                chip.setChecked(False)

    def _on_search(self) -> None:
        text = self.search.text().strip().lower()
        searched = bool(text) or self._only != "all"
        self.count.setVisible(searched)
        self.skip.setVisible(self._only == "repeated")
        self.rows.show_found([] if searched else None)
        if searched:
            self.finder.start(text, self._only)
        else:
            self.finder.stop()
        self._count_found()

    def _on_found(self, rows: list[int]) -> None:
        self.rows.add_found(rows)

    def _count_found(self) -> None:
        if self._data is None or not self.count.isVisibleTo(self):
            return
        found = f"{plural(self.rows.rowCount(), 'row')} found"
        share = self.finder.looked_at / max(1, self._data["rows"])
        self.count.setText(found if self.finder.over else f"{found} in {share:.0%} …")

    # -- rows ---------------------------------------------------------------------------------

    def _on_current(self, current: QModelIndex) -> None:
        view = current.data(ROW_ROLE)
        if view is not None:
            self.row_chosen.emit(view.number)

    def _let_go(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
            self._fetching = None

    def _fetch(self) -> None:
        """Ask for what is in sight and not here, once the last answer has come.

        So a list that is dragged asks for where it is, not for all that it passed.
        """
        rows = self.rows.missing_among(self.list.in_sight)
        if self._data is None or not rows or self._fetching is not None:
            return

        def on_event(event: Event) -> None:
            if isinstance(event, Reply):
                self._fetching = None
                self.rows.take(event.data["rows"], event.data["previews"], event.data["lengths"])
                if event.data["rows"]:
                    self._fetch()
            elif isinstance(event, RunEnded) and event.outcome == "failed":
                self._fetching = None

        settings = self._session.settings
        request = {
            "data": settings.data.model_dump(),
            "source": settings.model.source,
            "rows": rows,
        }
        self._fetching = self._assistant.data.ask("rows", request, on_event)
