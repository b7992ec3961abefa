"""Cards, chips, banners and lines: what groups other things and says how they stand."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.style.icons import paint_icon, pixmap
from app.style.theme import Theme, font
from app.widgets.text import ElidedLabel, Label, label, set_variant

_CHIP_COLORS = {
    "fact": ("text_2", "sunken"),
    "ok": ("ok", "ok_soft"),
    "warn": ("warn", "warn_soft"),
    "danger": ("danger", "danger_soft"),
    "state": ("accent", "accent_soft"),
    "learned": ("learned_text", "learned_soft"),
    "frozen": ("frozen_text", "frozen_soft"),
}
_BANNER_ICONS = {
    "ok": ("circle-check", "ok"),
    "warn": ("triangle-alert", "warn"),
    "danger": ("circle-x", "danger"),
    "info": ("info", "accent"),
}


def hairline() -> QFrame:
    """Return a horizontal line of one pixel."""
    line = QFrame()
    line.setProperty("role", "hairline")
    line.setFixedHeight(1)
    return line


class Card(QFrame):
    """One subject: a header, its content, perhaps a foot line. Cards never nest.

    Attributes:
        header: Title and caption at the left; add chips and actions to its end.
        body: The content.
    """

    def __init__(self, title: str = "", caption: str = "") -> None:
        super().__init__()
        self.setProperty("role", "card")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 12, 16, 12)
        outer.setSpacing(8)
        self.header = QHBoxLayout()
        self.header.setSpacing(8)
        self.title = label(title, "card")
        self.caption = ElidedLabel(caption, "small", "muted", sentence=True)
        self.body = QVBoxLayout()
        self.body.setSpacing(8)
        if title:
            self.header.addWidget(self.title)
            self.header.addWidget(self.caption, 1)
            outer.addLayout(self.header)
            self.setAccessibleName(title)
        outer.addLayout(self.body, 1)
        self._outer = outer

    def foot(self, text: str) -> Label:
        """Add a foot line under a hairline and return it."""
        line = label(text, "caption", "muted", wrap=True)
        self._outer.addWidget(hairline())
        self._outer.addWidget(line)
        return line


class Chip(QWidget):
    """A fact, a judgement or a state in a rounded field; cannot be clicked."""

    def __init__(self, text: str, tone: str = "fact", icon: str = "", *, theme: Theme) -> None:
        super().__init__()
        self._text, self._tone, self._icon, self._theme = text, tone, icon, theme
        self.setAccessibleName(text)
        theme.changed.connect(self._fit)
        self._fit()

    @property
    def text(self) -> str:
        """What it says."""
        return self._text

    def set_text(self, text: str, tone: str = "", icon: str | None = None) -> None:
        """Say something else; an empty tone and no icon keep what there is."""
        self._text, self._tone = text, tone or self._tone
        self._icon = self._icon if icon is None else icon
        self.setAccessibleName(text)
        self._fit()

    def _fit(self) -> None:
        self.setFixedSize(self.sizeHint())
        self.update()

    def sizeHint(self) -> QSize:
        """Room for icon and text."""
        metrics = QFontMetrics(font("chip"))
        mark = 16 if self._icon else 0
        return QSize(metrics.horizontalAdvance(self._text) + mark + 18, metrics.height() + 6)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the field, the icon and the text."""
        ink, ground = (self._theme.color(token) for token in _CHIP_COLORS[self._tone])
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        area = self.rect().toRectF()
        painter.drawRoundedRect(area, area.height() / 2, area.height() / 2)
        left = 9.0
        if self._icon:
            box = area.adjusted(left, 0, 0, 0)
            box.setSize(QSize(12, 12).toSizeF())
            box.moveTop((area.height() - 12) / 2)
            paint_icon(painter, self._icon, ink, box)
            left += 16
        painter.setFont(font("chip"))
        painter.setPen(ink)
        painter.drawText(area.adjusted(left, 0, -4, 0), Qt.AlignmentFlag.AlignVCenter, self._text)
        painter.end()


class Banner(QFrame):
    """A message in its place, with the one action that mends it; hidden until it says something."""

    def __init__(self, tone: str = "info", *, theme: Theme) -> None:
        super().__init__()
        self.setProperty("role", "banner")
        self._theme = theme
        self._tone = tone
        self._mark = QLabel()
        self._message = label("", "card", wrap=True)
        self._detail = label("", "body", wrap=True)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(self._message)
        texts.addWidget(self._detail)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(12, 8, 12, 8)
        self._row.setSpacing(12)
        self._row.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignTop)
        self._row.addLayout(texts, 1)
        self._action: QWidget | None = None
        theme.changed.connect(self._render)
        self.set_tone(tone)
        self.hide()

    @property
    def text(self) -> str:
        """The message that is shown."""
        return self._message.text()

    def set_tone(self, tone: str) -> None:
        """Change the tone: info, ok, warn or danger."""
        self._tone = tone
        set_variant(self, tone=tone)
        self._render()

    def show_message(
        self, text: str, detail: str = "", action: QWidget | None = None, *, tone: str = ""
    ) -> None:
        """Show a sentence, a second one in plain weight, and perhaps a button."""
        if tone and tone != self._tone:
            self.set_tone(tone)
        self._message.setText(text)
        self._detail.setText(detail)
        self._detail.setVisible(bool(detail))
        self.setAccessibleName(f"{text} {detail}".strip())
        if action is not self._action:
            if self._action is not None:
                self._row.removeWidget(self._action)
                self._action.hide()
                self._action.deleteLater()
            self._action = action
            if action is not None:
                self._row.addWidget(action, 0, Qt.AlignmentFlag.AlignVCenter)
        self.show()

    def _render(self) -> None:
        name, token = _BANNER_ICONS[self._tone]
        scale = self.devicePixelRatioF()
        self._mark.setPixmap(pixmap(name, self._theme.color(token), 18, scale))


def row(*widgets: QWidget, spacing: int = 8, stretch: bool = True) -> QHBoxLayout:
    """Return the widgets in a horizontal line, with room at its end."""
    layout = QHBoxLayout()
    layout.setSpacing(spacing)
    for widget in widgets:
        layout.addWidget(widget)
    if stretch:
        layout.addStretch(1)
    return layout
