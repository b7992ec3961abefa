"""The list of rows with its search; asks the worker for the pages that come into sight."""

from typing import Any

from PySide6.QtCore import QModelIndex, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit

from app.assistant import Assistant
from app.pages.data_rows import PAGE, ROW_ROLE, DataRows, RowDelegate, RowList
from app.session import Session
from app.style.theme import Theme
from app.widgets.basic import Card, button, hairline
from core.events import Event, Reply

SEARCH_LIMIT = 20_000
"""Rows up to which a search fetches all pages."""


class RowsCard(Card):
    """Search, filter of cut rows, and the list.

    Signals:
        row_chosen: (int) Another row is the current one.
    """

    row_chosen = Signal(int)

    def __init__(self, session: Session, assistant: Assistant, theme: Theme) -> None:
        super().__init__()
        self._session, self._assistant = session, assistant
        self._data: dict[str, Any] | None = None
        layout = self.layout()
        assert layout is not None
        layout.setContentsMargins(1, 6, 1, 1)
        self.body.setSpacing(6)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find in rows")
        self.search.setAccessibleName("Find in rows")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._on_search)
        self.cut_chip = button("cut 0", theme=theme, role="filter", icon="scissors")
        self.cut_chip.setCheckable(True)
        self.cut_chip.toggled.connect(self._on_search)
        head = QHBoxLayout()
        head.setContentsMargins(8, 0, 8, 0)
        head.addWidget(self.search, 1)
        head.addWidget(self.cut_chip)
        self.rows = DataRows()
        self.rows.wanted.connect(self._fetch)
        self.list = RowList()
        self.list.setModel(self.rows)
        self.list.setItemDelegate(RowDelegate(theme))
        self.list.selectionModel().currentChanged.connect(self._on_current)
        theme.changed.connect(self.list.viewport().update)
        self.body.addLayout(head)
        self.body.addWidget(hairline())
        self.body.addWidget(self.list, 1)

    def show_data(self, data: dict[str, Any]) -> None:
        """Show the rows of a reply of the job `dataset`."""
        self._data = data
        self.rows.show_data(data, self._session.settings.data.max_length)
        self.cut_chip.setText(f"cut {data['cut_rows']:,}")
        self.cut_chip.setVisible(data["cut_rows"] > 0 or self.cut_chip.isChecked())
        self._on_search()

    def select(self, number: int) -> None:
        """Make a row the current one, where the list shows it."""
        position = self.rows.position_of(number)
        if position >= 0:
            self.list.setCurrentIndex(self.rows.index(position))

    def _on_search(self) -> None:
        self.rows.filter(self.search.text(), only_cut=self.cut_chip.isChecked())
        if self.search.text() and self.rows.next_missing is not None:
            self._fetch(self.rows.next_missing)

    def _on_current(self, current: QModelIndex) -> None:
        view = current.data(ROW_ROLE)
        if view is not None:
            self.row_chosen.emit(view.number)

    def _fetch(self, first: int) -> None:
        """Ask for a page of rows; it comes quickly, also while others are read or tokenised."""
        data = self._data
        if data is None or first >= min(data["rows"], SEARCH_LIMIT):
            return

        def on_event(event: Event) -> None:
            if isinstance(event, Reply) and data is self._data:
                self.rows.add_page(int(event.data["first"]), event.data["previews"])
                if self.search.text():
                    self._on_search()

        data_settings = self._session.settings.data.model_dump()
        request = {"data": data_settings, "first": first, "shown": PAGE}
        self._assistant.data.ask("rows", request, on_event)
