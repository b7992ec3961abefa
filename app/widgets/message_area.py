"""Where messages without a place of their own appear: under the run bar, or as a toast."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from app.messages import Message
from app.style.theme import Theme, mono
from app.widgets.buttons import IconLabel, button, icon_button
from app.widgets.text import label, set_variant

TOAST_MS = 6000
"""A toast goes away after so long."""


class MessageArea(QFrame):
    """The newest error or piece of news, with folded details, until it is closed."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setProperty("role", "banner")
        self.setProperty("flat", "true")
        self.setObjectName("message_area")
        self._mark = IconLabel("circle-x", "danger", theme=theme, size=18)
        self.text = label("", "card", wrap=True)
        self.hint = label("", "body", wrap=True)
        self._more = button("Details", theme=theme, small=True)
        self._more.clicked.connect(self._toggle_details)
        self._copy = button("Copy", theme=theme, icon="copy", small=True)
        self._copy.clicked.connect(self._copy_all)
        close = icon_button("x", "Close message", theme=theme)
        close.clicked.connect(self.hide)
        self.details = QPlainTextEdit()
        self.details.setReadOnly(True)
        self.details.setAccessibleName("Details")
        self.details.setFont(mono(11))
        self.details.setFixedHeight(160)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(self.text)
        texts.addWidget(self.hint)
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignTop)
        head.addLayout(texts, 1)
        for made in (self._more, self._copy, close):
            head.addWidget(made)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 8, 16, 8)
        layout.addLayout(head)
        layout.addWidget(self.details)
        self.hide()

    def show_message(self, message: Message) -> None:
        """Show a message instead of the one before."""
        error = message.level == "error"
        self._mark.set_icon(*(("circle-x", "danger") if error else ("info", "accent")))
        set_variant(self, tone="danger" if error else "info")
        self.text.setText(message.text)
        self.hint.setText(message.hint)
        self.hint.setVisible(bool(message.hint))
        self.details.setPlainText(message.details)
        self.details.hide()
        self._more.setVisible(bool(message.details))
        self.setAccessibleName(f"{message.text} {message.hint}".strip())
        self.show()

    def _toggle_details(self) -> None:
        self.details.setVisible(self.details.isHidden())

    def _copy_all(self) -> None:
        parts = (self.text.text(), self.hint.text(), self.details.toPlainText())
        QGuiApplication.clipboard().setText("\n".join(part for part in parts if part))


class Toast(QFrame):
    """News of finished work: lower right above the strip, for six seconds, at most one."""

    def __init__(self, parent: QWidget, theme: Theme) -> None:
        super().__init__(parent)
        self.setProperty("role", "toast")
        self.setObjectName("toast")
        self._message: Message | None = None
        self.text = label("", "label")
        self._action = button("", theme=theme, role="quiet", small=True)
        self._action.clicked.connect(self._act)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 8, 8, 8)
        layout.addWidget(self.text)
        layout.addWidget(self._action)
        self._timer = QTimer(self, singleShot=True, interval=TOAST_MS)
        self._timer.timeout.connect(self.hide)
        self.hide()

    def show_message(self, message: Message, *, above: int) -> None:
        """Show it `above` pixels over the lower edge."""
        self._message = message
        self.text.setText(message.text)
        self.setAccessibleName(message.text)
        self._action.setText(message.action)
        self._action.setAccessibleName(message.action)
        self._action.setVisible(bool(message.action))
        self.show()
        self.raise_()
        self.place(above=above)
        self._timer.start()

    def place(self, *, above: int) -> None:
        """Go to the lower right corner of the window."""
        parent = self.parentWidget()
        if parent is not None and self.isVisible():
            self.adjustSize()
            self.move(
                parent.width() - self.width() - 24, parent.height() - above - self.height() - 16
            )

    def _act(self) -> None:
        self.hide()
        if self._message is not None and self._message.on_action is not None:
            self._message.on_action()
