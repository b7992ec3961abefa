"""Model: the network to start from."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from PySide6.QtCore import QModelIndex, Qt, QTimer
from PySide6.QtGui import (
    QDragEnterEvent,
    QDropEvent,
    QKeySequence,
    QResizeEvent,
    QShortcut,
    QShowEvent,
)
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QListView, QVBoxLayout, QWidget

from app.pages.base import NARROW, Page, PageContext
from app.pages.model_delegate import ModelDelegate
from app.pages.model_details import ModelDetails
from app.pages.model_entries import ENTRY, Entry, ModelEntries, judged
from app.pages.model_header import DropTarget, FilterChips, ModelHeader
from app.pages.model_prepare import PrepareRow
from app.slices import Slices
from app.widgets.buttons import Button, button
from app.widgets.cards import Banner, Card
from app.widgets.text import label
from core.errors import UserError
from core.models.families.base import UnknownFamily
from core.models.info import BrokenModel
from core.models.sources import find_models, is_hub_id, open_model

DETAILS, NARROW_DETAILS = 392, 280


class ModelPage(Page):
    """A list of models at the left, what is inside the chosen one at the right."""

    name: ClassVar[str] = "model"
    title: ClassVar[str] = "Model"
    sentence: ClassVar[str] = (
        "The network you start from. Its weights stay frozen; only the adapter learns."
    )
    icon: ClassVar[str] = "box"
    strip_open: ClassVar[bool] = True

    def __init__(self, context: PageContext) -> None:
        super().__init__(context)
        self._session = context.session
        self.setAcceptDrops(True)
        self.folder_button = self._action("Open folder…", "folder-open", self._on_folder)
        self.gguf_button = self._action("Open GGUF…", "file", self._on_gguf)
        QShortcut(QKeySequence.StandardKey.Open, self, self._on_folder).setContext(
            Qt.ShortcutContext.WidgetWithChildrenShortcut
        )
        context.session.model_changed.connect(self._on_model)

    def build(self) -> None:
        """Make list and details; the models are looked for after the first paint."""
        theme = self.context.theme
        self.entries = ModelEntries()
        self.banner = Banner("danger", theme=theme)
        self.body.addWidget(self.banner)
        self.body.addLayout(self._search_row())
        self.details = ModelDetails(theme)
        self.prepare = PrepareRow(self.context.assistant, theme)
        self.prepare.prepared.connect(self._on_prepared)
        self.details.body.insertWidget(2, self.prepare)
        line = QHBoxLayout()
        line.setSpacing(16)
        line.addWidget(self._list_card(), 1)
        line.addWidget(self.details)
        self.body.addLayout(line, 1)
        self._badges, self._search_models = Slices(self), Slices(self)
        self._unjudged = False
        self._session.plan_changed.connect(self._judge_again)
        self._fit()
        self._on_model()
        QTimer.singleShot(0, self, self.reload)

    def showEvent(self, event: QShowEvent) -> None:
        """Judge what changed while the page was hidden."""
        super().showEvent(event)
        if self._unjudged:
            self._judge_again()

    def reload(self) -> None:
        """Look for models again, between two frames: each has headers that are read."""
        self._search_models.run(self._find())

    def _find(self) -> Iterator[None]:
        recent, found = self.context.preferences.recent_models, []
        for model in find_models(recent):
            found.append(Entry(model, model.source in recent))
            yield
        self.entries.show_entries(found)
        self._take_description()
        self.filters.show_counts({name: self.entries.count(name) for name in self.filters.names})
        self._judge_again()
        self._select_current()

    def choose(self, source: str) -> None:
        """Take a model that can be read, or say in place what is wrong with it."""
        self.banner.hide()
        try:
            open_model(source)
        except UserError as error:
            if not is_hub_id(source) and not isinstance(error, UnknownFamily):
                self.banner.show_message(error.message, error.hint, tone="danger")
                return
        if self._session.change({"model.source": source}):
            if source != "starter":
                self.context.preferences.remember_model(source)
            self.reload()

    def subtitle(self) -> str:
        """Name the model."""
        return self._session.model.name if self._session.model else "choose one"

    def mark(self) -> str:
        """Tell whether there is a model."""
        if self._session.model is not None:
            return "ok"
        return "error" if self._session.model_error else ""

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Make the details narrower in a small window."""
        super().resizeEvent(event)
        self._fit()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take a folder or a file."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Choose what was dropped."""
        urls = event.mimeData().urls()
        if urls and urls[0].isLocalFile():
            self.choose(urls[0].toLocalFile())

    # -- parts ------------------------------------------------------------------------------

    def _action(self, text: str, icon: str, slot: object) -> Button:
        made = button(text, theme=self.context.theme, icon=icon)
        made.clicked.connect(slot)
        self.add_action(made)
        return made

    def _search_row(self) -> QHBoxLayout:
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find, or paste a hub id such as org/name")
        self.search.setAccessibleName("Find a model, or paste a hub id")
        self.search.setClearButtonEnabled(True)
        self.search.setFixedWidth(312)
        self.search.textChanged.connect(self._on_search)
        self.search.returnPressed.connect(self._on_enter)
        QShortcut(QKeySequence.StandardKey.Find, self, self.search.setFocus).setContext(
            Qt.ShortcutContext.WidgetWithChildrenShortcut
        )
        self.filters = FilterChips(self.context.theme)
        self.filters.chosen.connect(self._on_search)
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.search)
        line.addWidget(self.filters, 1)
        return line

    def _list_card(self) -> QWidget:
        card = Card()
        layout = card.layout()
        assert layout is not None
        layout.setContentsMargins(1, 1, 1, 8)
        card.body.setSpacing(0)
        self.list = QListView()
        self.list.setObjectName("model_list")
        self.list.setAccessibleName("Models")
        self.list.setModel(self.entries)
        self.list.setItemDelegate(ModelDelegate(self.context.theme))
        self.list.setMouseTracking(True)
        self.list.setUniformItemSizes(True)
        self.list.selectionModel().currentChanged.connect(self._on_current)
        self.context.theme.changed.connect(self.list.viewport().update)
        self.nothing = label("No model matches. Press Enter to ask the hub.", "small", "muted")
        self.nothing.setContentsMargins(16, 16, 16, 16)
        self.nothing.hide()
        card.body.addWidget(ModelHeader(self.context.theme))
        card.body.addWidget(self.nothing)
        card.body.addWidget(self.list, 1)
        foot = QVBoxLayout()
        foot.setContentsMargins(8, 4, 8, 0)
        foot.addWidget(DropTarget("Drop a model folder or a GGUF file here", self.context.theme))
        card.body.addLayout(foot)
        return card

    def _fit(self) -> None:
        if self._built:
            narrow = self.width() < NARROW - 100
            self.details.setFixedWidth(NARROW_DETAILS if narrow else DETAILS)
            self.details.set_tight(narrow)

    # -- what happens -----------------------------------------------------------------------

    def _on_search(self) -> None:
        self.entries.search(self.search.text(), self.filters.value)
        self.nothing.setVisible(not self.entries.shown)
        is_id = is_hub_id(self.search.text().strip())
        words = "Press Enter to ask the hub for it." if is_id else "No model here has that name."
        self.nothing.setText(words)
        self._select_current()

    def _on_enter(self) -> None:
        text = self.search.text().strip()
        if is_hub_id(text) or Path(text).expanduser().exists():
            self.choose(text)
            self.search.clear()
        elif self.entries.shown:
            self.choose(self.entries.shown[0].source)

    def _on_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Open a model folder")
        if folder:
            self.choose(folder)

    def _on_gguf(self) -> None:
        file, _ = QFileDialog.getOpenFileName(self, "Open a GGUF file", "", "GGUF (*.gguf)")
        if file:
            self.choose(file)

    def _on_current(self, current: QModelIndex) -> None:
        entry: Entry | None = current.data(ENTRY)
        if entry is None or entry.source == self._session.settings.model.source:
            return
        if isinstance(entry.model, BrokenModel) and entry.kind == "broken":
            words = f"{entry.model.name}: {entry.model.message}"
            self.banner.show_message(words, entry.model.hint, tone="warn")
            return
        self.banner.hide()
        self._session.change({"model.source": entry.source})
        if entry.kind != "starter":
            self.context.preferences.remember_model(entry.source)

    def _on_model(self) -> None:
        self.rail_changed.emit()
        if self._built:
            self._take_description()
            self.details.show_model(self._session.model, self._session.model_error)
            self.prepare.show_model(self._session.model)
            self._select_current()

    def _take_description(self) -> None:
        """List the model as the hub has described it just now."""
        model = self._session.model
        for entry in self.entries.all:
            untold = isinstance(entry.model, BrokenModel)
            if untold and model is not None and entry.source == model.source:
                self.entries.update_entry(Entry(model, entry.recent))
                self._judge_again()

    def _on_prepared(self) -> None:
        self.context.messages.toast("The model is ready: a run starts without delay now.")
        self._session.read_model()
        self.reload()

    def _select_current(self) -> None:
        row = self.entries.row_of(self._session.settings.model.source)
        if row >= 0:
            self.list.setCurrentIndex(self.entries.index(row))

    # -- badges -----------------------------------------------------------------------------

    def _judge_again(self) -> None:
        self._unjudged = not self.isVisible()
        if self.isVisible():
            self._badges.run(self._judge())

    def _judge(self) -> Iterator[None]:
        """Judge one model per step."""
        session = self._session
        for source in [entry.source for entry in self.entries.all]:
            for entry in [entry for entry in self.entries.all if entry.source == source]:
                made = judged(entry, session.settings, session.device, session.known())
                self.entries.update_entry(made)
            yield
