"""Text in the type styles of the window, and properties that the stylesheet asks for."""

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from app.style.theme import font


def set_variant(widget: QWidget, **properties: object) -> None:
    """Set dynamic properties that the stylesheet asks for, and apply it again."""
    for name, value in properties.items():
        widget.setProperty(name, value)
    widget.style().unpolish(widget)
    widget.style().polish(widget)


class Label(QLabel):
    """Text in one of the type styles; follows the text size of the theme."""

    def __init__(self, text: str = "", style: str = "body", tone: str = "") -> None:
        super().__init__(text)
        self._style = style
        self.setFont(font(style))
        self.setTextFormat(Qt.TextFormat.PlainText)
        if tone:
            self.setProperty("tone", tone)

    def set_tone(self, tone: str) -> None:
        """Change the colour: "", muted, faint, ok, warn, danger, learned, frozen, accent."""
        if self.property("tone") != tone:
            set_variant(self, tone=tone)

    def event(self, event: QEvent) -> bool:
        """Take the new text size."""
        if event.type() == QEvent.Type.ApplicationFontChange:
            self.setFont(font(self._style))
        return super().event(event)


def label(text: str, style: str = "body", tone: str = "", wrap: bool = False) -> Label:
    """Return a label; `style` is a type style of the theme, `tone` a colour of the stylesheet."""
    made = Label(text, style, tone)
    made.setWordWrap(wrap)
    return made


class ElidedLabel(Label):
    """One line that is shortened when it is too long; the whole text is its tool tip.

    Names and paths give up their middle, sentences their end.
    """

    def __init__(
        self, text: str = "", style: str = "body", tone: str = "", *, sentence: bool = False
    ) -> None:
        super().__init__("", style, tone)
        modes = Qt.TextElideMode
        self._mode = modes.ElideRight if sentence else modes.ElideMiddle
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._full = ""
        self.set_full_text(text)

    @property
    def full_text(self) -> str:
        """The text before it was shortened."""
        return self._full

    def set_full_text(self, text: str) -> None:
        """Show another text."""
        if text != self._full:
            self._full = text
            self.setAccessibleName(text)
            self._elide()
            self.updateGeometry()

    def minimumSizeHint(self) -> QSize:
        """Let the layout make it as narrow as three characters."""
        return QSize(
            QFontMetrics(self.font()).horizontalAdvance("x…x"), super().sizeHint().height()
        )

    def sizeHint(self) -> QSize:
        """Ask for the room of the whole text."""
        width = QFontMetrics(self.font()).horizontalAdvance(self._full) + 2
        return QSize(width, super().sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Shorten to the new width."""
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        metrics = QFontMetrics(self.font())
        shown = metrics.elidedText(self._full, self._mode, max(0, self.width()))
        self.setText(shown)
        self.setToolTip(self._full if shown != self._full else "")
