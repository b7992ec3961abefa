"""The rail: all steps with what was chosen in each, the library, help and settings."""

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QEnterEvent,
    QFocusEvent,
    QFontMetrics,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QAbstractButton, QVBoxLayout, QWidget

from app.pages.base import Page
from app.style.icons import paint_icon
from app.style.theme import Theme, font, scaled
from app.widgets.cards import hairline

WIDE, NARROW = 200, 64
"""Widths of the rail in pixels: with and without room for a second line."""
MARKS = {
    "ok": ("check", "ok", "done"),
    "warn": ("triangle-alert", "warn", "has a warning"),
    "error": ("circle-x", "danger", "has a problem"),
    "running": ("", "ok", "running"),
}
"""Icon, colour token and spoken words of each mark."""


class RailItem(QAbstractButton):
    """One page in the rail."""

    def __init__(self, page: Page, theme: Theme) -> None:
        super().__init__()
        self._page, self._theme = page, theme
        self._over = False
        self._by_key = False
        self.narrow = False
        self.setCheckable(True)
        self.setAutoExclusive(True)
        self.setObjectName(f"rail_{page.name}")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        page.rail_changed.connect(self.refresh)
        theme.changed.connect(self.update)
        self.refresh()

    @property
    def page_name(self) -> str:
        """Key of the page."""
        return self._page.name

    def refresh(self) -> None:
        """Take over what the page says of itself."""
        subtitle, mark = self._page.subtitle(), self._page.mark()
        spoken = MARKS[mark][2] if mark in MARKS else ""
        words = [self._page.title, subtitle, spoken]
        self.setAccessibleName(", ".join(word for word in words if word))
        self.setToolTip(f"{self._page.title}\n{subtitle}" if self.narrow and subtitle else "")
        self.update()

    def sizeHint(self) -> QSize:
        """48 pixels high; less in the foot, where there is no second line."""
        low = self._page.place == "foot" and not self.narrow
        if self.narrow:
            return QSize(scaled(NARROW), 28 + scaled(18))
        return QSize(WIDE, 14 + scaled(24 if low else 36))

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the ring only where the keyboard brought the focus."""
        mouse = (Qt.FocusReason.MouseFocusReason, Qt.FocusReason.OtherFocusReason)
        self._by_key = event.reason() not in mouse
        super().focusInEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Show that it can be clicked."""
        self._over = True
        self.update()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Show it plainly again."""
        self._over = False
        self.update()
        super().leaveEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the ground, the icon, the words and the mark."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_ground(painter)
        if self.narrow:
            self._paint_narrow(painter)
        else:
            self._paint_wide(painter)
        painter.end()

    def _paint_ground(self, painter: QPainter) -> None:
        theme = self._theme
        margin = 5 if self.narrow else 8
        area = self.rect().toRectF().adjusted(margin - 0.5, 0.5, -margin + 0.5, -0.5)
        if self.isChecked():
            painter.setPen(QPen(theme.color("line"), 1))
            painter.setBrush(theme.color("surface"))
            painter.drawRoundedRect(area, 6, 6)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent"))
            middle = area.center().y()
            painter.drawRoundedRect(QRectF(area.left() + 0.5, middle - 11, 3, 22), 1.5, 1.5)
        elif self._over:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("hover"))
            painter.drawRoundedRect(area, 6, 6)
        if self.hasFocus() and self._by_key:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("accent"), 2))
            painter.drawRoundedRect(area.adjusted(1, 1, -1, -1), 6, 6)

    def _paint_wide(self, painter: QPainter) -> None:
        theme, middle = self._theme, self.height() / 2
        ink = theme.color("accent" if self.isChecked() else "text_2")
        paint_icon(painter, self._page.icon, ink, QRectF(16, middle - 9, 18, 18))
        subtitle = self._page.subtitle()
        room = self.width() - 46 - (36 if self._page.mark() else 12)
        painter.setFont(font("label"))
        painter.setPen(theme.color("text"))
        align = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        title = QRectF(46, middle - scaled(17 if subtitle else 9), room, scaled(18))
        painter.drawText(title, align, self._page.title)
        if subtitle:
            made = font("caption")
            painter.setFont(made)
            painter.setPen(theme.color("text_2"))
            shown = QFontMetrics(made).elidedText(subtitle, Qt.TextElideMode.ElideMiddle, int(room))
            painter.drawText(QRectF(46, middle, room, scaled(16)), align, shown)
        self._paint_mark(painter, QRectF(self.width() - 32, middle - 8, 16, 16))

    def _paint_narrow(self, painter: QPainter) -> None:
        theme = self._theme
        ink = theme.color("accent" if self.isChecked() else "text_2")
        paint_icon(painter, self._page.icon, ink, QRectF(self.width() / 2 - 9, 5, 18, 18))
        made = font("caption")
        made.setWeight(font("label").weight())
        painter.setFont(made)
        painter.setPen(theme.color("text"))
        area = QRectF(2, 24, self.width() - 4, self.height() - 28)
        shown = QFontMetrics(made).elidedText(
            self._page.title, Qt.TextElideMode.ElideRight, int(area.width())
        )
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, shown)
        self._paint_mark(painter, QRectF(self.width() - 22, 5, 12, 12))

    def _paint_mark(self, painter: QPainter, box: QRectF) -> None:
        mark = self._page.mark()
        if mark not in MARKS:
            return
        name, token, _spoken = MARKS[mark]
        color = self._theme.color(token)
        if name:
            paint_icon(painter, name, color, box)
            return
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawEllipse(box.center(), 5, 5)
        painter.setBrush(self._theme.color("rail"))
        center = box.center()
        play = [center + QPointF(-1.6, -2.6), center + QPointF(2.8, 0), center + QPointF(-1.6, 2.6)]
        painter.drawPolygon(play)


class Rail(QWidget):
    """All pages; arrow keys move between them.

    Signals:
        chosen: The user chose the page of this name.
    """

    chosen = Signal(str)

    def __init__(self, pages: list[Page], theme: Theme) -> None:
        super().__init__()
        self.setProperty("ground", "rail")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Steps")
        self.items = [RailItem(page, theme) for page in pages]
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 8, 0, 8)
        self._layout.setSpacing(0)
        self._fill(pages)
        for item in self.items:
            item.clicked.connect(lambda _on=False, name=item.page_name: self.chosen.emit(name))
        self._narrow = False
        theme.changed.connect(lambda: self.set_narrow(self._narrow))
        self.set_narrow(False)

    def _fill(self, pages: list[Page]) -> None:
        last = ""
        for page, item in zip(pages, self.items, strict=True):
            if last == "step" and page.place == "library":
                rule = QVBoxLayout()
                rule.setContentsMargins(16, 8, 16, 8)
                rule.addWidget(hairline())
                self._layout.addLayout(rule)
            if last != "foot" and page.place == "foot":
                self._layout.addStretch(1)
            self._layout.addWidget(item)
            last = page.place
        if last != "foot":
            self._layout.addStretch(1)

    def set_narrow(self, narrow: bool) -> None:
        """Show icons with short names, or names with a second line."""
        self._narrow = narrow
        self.setFixedWidth(scaled(NARROW) if narrow else WIDE)
        for item in self.items:
            item.narrow = narrow
            item.setFixedHeight(item.sizeHint().height())
            item.refresh()

    def show_current(self, name: str) -> None:
        """Mark the page that is shown."""
        for item in self.items:
            item.setChecked(item.page_name == name)

    def focus_current(self, reason: Qt.FocusReason = Qt.FocusReason.TabFocusReason) -> None:
        """Put the keyboard on the page that is shown."""
        for item in self.items:
            if item.isChecked():
                item.setFocus(reason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move between the items."""
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()), 0)
        focused = next((i for i, item in enumerate(self.items) if item.hasFocus()), None)
        if step and focused is not None:
            target = min(len(self.items) - 1, max(0, focused + step))
            self.items[target].setFocus(Qt.FocusReason.TabFocusReason)
        else:
            super().keyPressEvent(event)
