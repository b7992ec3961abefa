"""Draws one row of the model list."""

from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QHelpEvent, QPainter, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolTip,
)

from app.pages.model_entries import ENTRY, Entry
from app.style.icons import paint_icon
from app.style.theme import Theme, font
from app.words import compact, file_size
from core.models.info import BrokenModel, ModelInfo

ROW = 52
WIDE = 560
ICONS = {"starter": "package", "hub": "cloud", "broken": "triangle-alert", "local": "folder"}
BADGES = {
    "fits": ("Fits", "check", "ok"),
    "tight": ("Tight", "minus", "warn"),
    "does not fit": ("No", "x", "danger"),
}
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True)
class Columns:
    """Left edges and widths of the columns at one width of the list; licence may be missing."""

    name: tuple[int, int]
    parameters: tuple[int, int]
    disk: tuple[int, int]
    licence: tuple[int, int]
    lora: tuple[int, int]
    qlora: tuple[int, int]


def columns(width: int) -> Columns:
    """Lay the columns out from the right; the name takes what is left."""
    licence = 86 if width >= WIDE else 0
    qlora = width - 74
    lora = qlora - 70
    licence_left = lora - licence - (8 if licence else 0)
    disk = licence_left - 60 - 16
    parameters = disk - 64
    return Columns(
        (44, parameters - 48),
        (parameters, 64),
        (disk, 60),
        (licence_left, licence),
        (lora, 68),
        (qlora, 70),
    )


class ModelDelegate(QStyledItemDelegate):
    """Paints name and origin, sizes, licence and the two badges."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """Return the height of a row."""
        return QSize(100, ROW)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Draw one model."""
        entry: Entry = index.data(ENTRY)
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._ground(painter, rect, state)
        painter.translate(rect.topLeft())
        token = "accent" if _on(state) else "warn" if entry.kind == "broken" else "text_2"
        icon = "file" if entry.source.endswith(".gguf") else ICONS[entry.kind]
        paint_icon(painter, icon, self._theme.color(token), QRectF(13, 18, 16, 16))
        if isinstance(entry.model, BrokenModel):
            self._untold(painter, entry, rect.width())
        else:
            self._model(painter, entry, entry.model, columns(rect.width()))
        painter.restore()

    def helpEvent(
        self,
        event: QHelpEvent,
        view: QAbstractItemView,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> bool:
        """Show the numbers behind the badge under the pointer."""
        words = badge_words(index.data(ENTRY), event.x() - option.rect.left(), option.rect.width())
        if not words:
            return super().helpEvent(event, view, option, index)
        QToolTip.showText(event.globalPos(), words, view)
        return True

    def _ground(self, painter: QPainter, rect: QRect, state: QStyle.StateFlag) -> None:
        if _on(state):
            painter.fillRect(rect, self._theme.color("accent_soft"))
            painter.fillRect(
                QRect(rect.left(), rect.top(), 3, rect.height()), self._theme.color("accent")
            )
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, self._theme.color("hover"))
        painter.setPen(self._theme.color("line"))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        if (
            state & QStyle.StateFlag.State_HasFocus
            and state & QStyle.StateFlag.State_KeyboardFocusChange
        ):
            painter.setPen(QPen(self._theme.color("accent"), 2))
            painter.drawRect(rect.adjusted(2, 2, -2, -2))

    def _model(self, painter: QPainter, entry: Entry, model: ModelInfo, place: Columns) -> None:
        self._text(painter, (*place.name, 8, 18), model.name, "label", "text", LEFT)
        self._text(painter, (*place.name, 27, 16), entry.origin, "caption", "text_2", LEFT)
        numbers = (
            (place.parameters, compact(model.parameters) if model.tensors else "–"),
            (place.disk, file_size(model.disk_bytes) if model.disk_bytes else "–"),
        )
        for column, text in numbers:
            self._text(painter, (*column, 8, 36), text, "small", "text", RIGHT)
        if place.licence[1]:
            self._text(
                painter, (*place.licence, 8, 36), model.licence or "–", "small", "text_2", LEFT
            )
        for column, badge in zip((place.lora, place.qlora), entry.badges, strict=False):
            self._badge(painter, column[0], badge.answer)

    def _untold(self, painter: QPainter, entry: Entry, width: int) -> None:
        """Draw a model of which there is no description, with the reason."""
        self._text(painter, (44, width - 56, 8, 18), entry.model.name, "label", "text", LEFT)
        absent = entry.kind == "hub"
        words = "hub · not on this computer yet" if absent else entry.problem
        tone = "text_2" if absent else "warn"
        self._text(painter, (44, width - 56, 27, 16), words, "caption", tone, LEFT)

    def _text(
        self,
        painter: QPainter,
        place: tuple[int, int, int, int],
        text: str,
        style: str,
        token: str,
        align: Qt.AlignmentFlag,
    ) -> None:
        left, width, top, height = place
        chosen: QFont = font(style)
        painter.setFont(chosen)
        painter.setPen(self._theme.color(token))
        shown = QFontMetrics(chosen).elidedText(text, Qt.TextElideMode.ElideMiddle, width)
        painter.drawText(QRect(left, top, width, height), align, shown)

    def _badge(self, painter: QPainter, left: int, answer: str) -> None:
        text, icon, tone = BADGES[answer]
        width = QFontMetrics(font("chip")).horizontalAdvance(text) + 34
        box = QRectF(left, 16, width, 20)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color(f"{tone}_soft"))
        painter.drawRoundedRect(box, 10, 10)
        paint_icon(painter, icon, self._theme.color(tone), QRectF(left + 8, 20, 12, 12))
        painter.setPen(self._theme.color(tone))
        painter.setFont(font("chip"))
        painter.drawText(box.adjusted(24, 0, 0, 0), LEFT, text)


def badge_words(entry: Entry | None, x: int, width: int) -> str:
    """Return what the badge at `x` in a row of that width says; empty beside the badges."""
    place = columns(width)
    badges = entry.badges if entry is not None else ()
    for (left, room), badge in zip((place.lora, place.qlora), badges, strict=False):
        if left <= x < left + room:
            return badge.words
    return ""


def _on(state: QStyle.StateFlag) -> bool:
    return bool(state & QStyle.StateFlag.State_Selected)
