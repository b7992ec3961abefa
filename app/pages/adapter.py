"""Adapter: how much may change, and where."""

from typing import ClassVar

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from app.pages.adapter_drawing import DrawingCard
from app.pages.adapter_form import AdapterForm
from app.pages.adapter_targets import TargetsCard
from app.pages.base import NARROW, Page, PageContext
from app.widgets.buttons import button
from core.adapters import ADAPTERS

FORM_WIDTH, NARROW_FORM = 288, 256


class AdapterPage(Page):
    """The form, the grid of targets and the drawing of one of them."""

    name: ClassVar[str] = "adapter"
    title: ClassVar[str] = "Adapter"
    sentence: ClassVar[str] = "How much may change, and where."
    icon: ClassVar[str] = "grid-3x3"
    strip_open: ClassVar[bool] = True

    def __init__(self, context: PageContext) -> None:
        super().__init__(context)
        self._session = context.session
        self.undo_button = button("Undo", theme=context.theme, icon="undo-2")
        self.undo_button.setObjectName("undo_button")
        self.undo_button.clicked.connect(context.session.undo)
        self.add_action(self.undo_button)
        context.session.settings_changed.connect(self._on_settings)
        context.session.model_changed.connect(self.rail_changed)
        self._on_settings()

    def build(self) -> None:
        """Make the three cards."""
        theme = self.context.theme
        self.form = AdapterForm(self._session, theme)
        self.targets = TargetsCard(self._session, theme)
        self.drawing = DrawingCard(self._session, theme)
        self.targets.grid.selected.connect(self.drawing.show_cell)
        if self.targets.grid.cursor_cell is not None:
            self.drawing.show_cell(*self.targets.grid.cursor_cell)
        right = QVBoxLayout()
        right.setSpacing(12)
        right.addWidget(self.targets)
        right.addWidget(self.drawing, 1)
        line = QHBoxLayout()
        line.setSpacing(16)
        line.addWidget(self.form)
        line.addLayout(right, 1)
        self.body.addLayout(line, 1)
        self._fit()

    def subtitle(self) -> str:
        """Name method, precision and rank: QLoRA 4-bit r 16."""
        settings = self._session.settings
        title = ADAPTERS[settings.adapter.method].title
        title = "QLoRA" if title == "LoRA" and settings.model.bits < 16 else title
        quantized = f"{title} {settings.model.bits}-bit" if settings.model.bits < 16 else title
        rank = getattr(settings.adapter, "rank", None)
        return f"{quantized} r {rank}" if rank else quantized

    def mark(self) -> str:
        """Report an error where nothing is adapted."""
        if self._session.model is None:
            return ""
        return "ok" if self._session.target_names() else "error"

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Make the form narrower in a small window."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        if self._built:
            narrow = self.width() < NARROW - 100
            self.form.set_tight(narrow)
            self.form.setFixedWidth(NARROW_FORM if narrow else FORM_WIDTH)

    def _on_settings(self) -> None:
        self.undo_button.setEnabled(self._session.can_undo)
        self.undo_button.setToolTip(
            "Take the last change back" if self._session.can_undo else "Nothing to take back"
        )
        self.rail_changed.emit()
