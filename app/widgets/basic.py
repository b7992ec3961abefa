"""Labels, buttons, cards, chips and banners in the look of the window."""

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.style.icons import icon as make_icon
from app.style.icons import paint_icon, pixmap
from app.style.theme import Theme, font

ICON_GAP = 5
"""Pixels between the icon and the text of a button, besides the style's own 4."""

_BUTTON_COLORS = {"primary": "on_accent", "quiet": "accent", "danger": "danger"}
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


class Button(QPushButton):
    """A button whose icon follows the theme."""

    def __init__(self, text: str, *, theme: Theme, role: str = "", icon: str = "") -> None:
        super().__init__(text)
        self._theme, self._icon = theme, icon
        if role:
            self.setProperty("role", role)
        self.setAccessibleName(text.replace("&", "").rstrip("…"))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        if icon:
            theme.changed.connect(self._render)
            self._render()

    def setText(self, text: str) -> None:
        """Say something else; the icon keeps its distance."""
        if text != self.text():
            super().setText(text)
            self._render()

    def set_role(self, role: str) -> None:
        """Change the look: "", primary, quiet or danger."""
        if (self.property("role") or "") != role:
            set_variant(self, role=role)
            self._render()

    def set_icon(self, name: str) -> None:
        """Show another icon."""
        if name != self._icon:
            if not self._icon:
                self._theme.changed.connect(self._render)
            self._icon = name
            self._render()

    def _render(self) -> None:
        if not self._icon:
            return
        color = self._theme.color(_BUTTON_COLORS.get(self.property("role") or "", "text"))
        gap = ICON_GAP if self.text() else 0
        self.setIcon(make_icon(self._icon, color, self._theme.color("text_3"), gap=gap))
        self.setIconSize(QSize(16 + gap, 16))


def button(
    text: str, *, theme: Theme, role: str = "", icon: str = "", small: bool = False
) -> Button:
    """Return a button; `role` is "", primary, quiet, why, danger, filter or segment."""
    made = Button(text, theme=theme, role=role, icon=icon)
    if small:
        made.setProperty("compact", "true")
    return made


def icon_button(name: str, verb: str, *, theme: Theme) -> Button:
    """Return a button of an icon alone; `verb` is its accessible name and tool tip."""
    made = Button("", theme=theme, role="quiet", icon=name)
    made.setProperty("compact", "true")
    made.setAccessibleName(verb)
    made.setToolTip(verb)
    return made


class IconLabel(QWidget):
    """A drawing that says something beside a text; follows the theme."""

    def __init__(self, name: str, token: str, *, theme: Theme, size: int = 16) -> None:
        super().__init__()
        self._name, self._token, self._theme = name, token, theme
        self.setFixedSize(size, size)
        theme.changed.connect(self.update)

    def set_icon(self, name: str, token: str) -> None:
        """Show another drawing in the colour `token`."""
        self._name, self._token = name, token
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it sharp at any scale."""
        if self._name:
            painter = QPainter(self)
            paint_icon(painter, self._name, self._theme.color(self._token), self.rect().toRectF())
            painter.end()


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
