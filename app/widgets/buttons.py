"""Buttons and drawings whose colours follow the theme."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QPushButton, QWidget

from app.style.icons import icon as make_icon
from app.style.icons import paint_icon
from app.style.theme import Theme
from app.widgets.text import set_variant

ICON_GAP = 5
"""Pixels between the icon and the text of a button, besides the style's own 4."""

_BUTTON_COLORS = {"primary": "on_accent", "quiet": "accent", "danger": "danger"}


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
