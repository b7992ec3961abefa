"""The memory plans below each other: one row per method, one scale, a radio dot to choose."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleEvent,
    QFocusEvent,
    QFont,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.amounts import gib, interval
from app.style.icons import paint_icon
from app.style.theme import Theme, font, scaled
from app.widgets.memory_bar import OVERHANG, PART_NAMES, BarPainter, Scale, part_bytes
from core.memory.devices import Device
from core.memory.plan import MemoryPlan
from core.memory.verdict import judge

ANSWERS = {
    "fits": ("check", "ok", "Fits"),
    "tight": ("minus", "warn", "Tight"),
    "does not fit": ("x", "danger", "Does not fit"),
}
"""Icon, colour token and words of each verdict."""
FULL = (
    "Full fine-tuning changes every weight; it is here for comparison. Rankscope trains adapters."
)


@dataclass(frozen=True)
class RowStyle:
    """Sizes in pixels: of a row, its bar, and the columns left and right of the bars."""

    pitch: int
    bar: int
    label: int
    amounts: int
    judgement: int
    two_lines: bool = False

    def scaled(self) -> "RowStyle":
        """Return the sizes for the text size in force."""
        return replace(
            self,
            pitch=scaled(self.pitch),
            bar=scaled(self.bar),
            label=scaled(self.label),
            amounts=scaled(self.amounts),
            judgement=scaled(self.judgement),
        )


STRIP = RowStyle(pitch=17, bar=10, label=124, amounts=136, judgement=84)
PAGE = RowStyle(pitch=44, bar=22, label=132, amounts=0, judgement=124, two_lines=True)


class PlanRows(QWidget):
    """All plans on one scale; one tab stop: up and down move the row, left and right the part.

    Signals:
        method_chosen: The user chose the precision of this MemoryPlan.
        read_out: A sentence about what the pointer or the cursor is on, "" for nothing.
    """

    method_chosen = Signal(object)
    read_out = Signal(str)

    def __init__(
        self, theme: Theme, explain: Callable[[MemoryPlan, str], str], style: RowStyle = STRIP
    ) -> None:
        """Make it; `explain` says in a sentence what a drawn part of a plan is."""
        super().__init__()
        self._explain = explain
        self._theme, self._plain, self._style = theme, style, style.scaled()
        self._plans: Sequence[MemoryPlan] = ()
        self._device: Device | None = None
        self._chosen = -1
        self._measured = 0
        self._row, self._part = 0, ""
        self._hover: tuple[int, str] = (-1, "")
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Memory of the methods")
        self.setObjectName("plan_rows")
        theme.changed.connect(self._on_theme)

    def _on_theme(self) -> None:
        self._style = self._plain.scaled()
        self.updateGeometry()
        self.update()

    def show_plans(
        self, plans: Sequence[MemoryPlan], device: Device, chosen: int, measured: int = 0
    ) -> None:
        """Show other plans; `chosen` is the row of the run, `measured` its peak in bytes or 0."""
        if len(plans) != len(self._plans):
            self._row, self._part = max(0, chosen), ""
            self.updateGeometry()
        self._plans, self._device = plans, device
        self._chosen, self._measured = chosen, measured
        self._describe()
        self.update()

    def sizeHint(self) -> QSize:
        """All rows."""
        rows = max(5, len(self._plans))
        return QSize(480, rows * self._style.pitch + 2)

    def minimumSizeHint(self) -> QSize:
        """All rows, with short bars."""
        return QSize(400, self.sizeHint().height())

    # -- painting ---------------------------------------------------------------------------

    def track(self, index: int) -> QRectF:
        """Return where the track of a row lies."""
        style = self._style
        right = self.width() - style.amounts - style.judgement - OVERHANG - 12
        top = index * style.pitch + (style.pitch - style.bar) / 2
        return QRectF(style.label, top, max(60, right - style.label), style.bar)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw every row."""
        if self._device is None or not self._plans:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        scale = Scale.of(self._device, self._plans)
        bars = BarPainter(painter, self._theme, scale)
        for index, plan in enumerate(self._plans):
            self._paint_ground(painter, index)
            bars.track(self.track(index))
            bars.bar(plan, self.track(index), self._focused_part(index))
            self._paint_head(painter, index, plan)
            self._paint_amounts(painter, index, plan)
        if self._measured and 0 <= self._chosen < len(self._plans):
            bars.measured(self._measured, self.track(self._chosen))
        bars.free_line(self.track(0), 0, len(self._plans) * self._style.pitch)
        painter.end()

    def _paint_ground(self, painter: QPainter, index: int) -> None:
        area = self._row_area(index)
        painter.setPen(Qt.PenStyle.NoPen)
        if index == self._chosen:
            painter.setBrush(self._theme.color("accent_soft"))
            painter.drawRoundedRect(area, 4, 4)
        if self.hasFocus() and index == self._row:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self._theme.color("accent"), 2))
            painter.drawRoundedRect(area.adjusted(1, 1, -1, -1), 4, 4)

    def _row_area(self, index: int) -> QRectF:
        gap = 4 if self._style.two_lines else 0
        pitch = self._style.pitch
        return QRectF(0, index * pitch + gap / 2, self.width(), pitch - gap)

    def _paint_head(self, painter: QPainter, index: int, plan: MemoryPlan) -> None:
        theme, chosen = self._theme, index == self._chosen
        middle = index * self._style.pitch + self._style.pitch / 2
        if plan.method != "full":
            painter.setPen(QPen(theme.color("accent" if chosen else "border"), 1.2))
            painter.setBrush(theme.color("accent") if chosen else Qt.BrushStyle.NoBrush)
            painter.drawEllipse(QPointF(11, middle), 3.5, 3.5)
        made = font("body" if self._style.two_lines else "small")
        if chosen:
            made.setWeight(QFont.Weight.DemiBold)
        painter.setFont(made)
        painter.setPen(theme.color("text" if chosen else "text_2"))
        area = QRectF(21, index * self._style.pitch, self._style.label - 24, self._style.pitch)
        text = QFontMetrics(made).elidedText(
            plan.label, Qt.TextElideMode.ElideRight, int(area.width())
        )
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, text)

    def _paint_amounts(self, painter: QPainter, index: int, plan: MemoryPlan) -> None:
        assert self._device is not None
        style = self._style
        top, pitch = index * style.pitch, style.pitch
        left = self.track(index).right() + OVERHANG + 8
        if self._style.two_lines:
            self._paint_total(painter, QRectF(left, top + 3, style.judgement, pitch / 2 - 3), plan)
            self._paint_verdict(
                painter, QRectF(left, top + pitch / 2, style.judgement, pitch / 2 - 4), plan
            )
            return
        self._paint_total(painter, QRectF(left, top, self._style.amounts, pitch), plan)
        area = QRectF(left + self._style.amounts + 4, top, self._style.judgement, pitch)
        self._paint_verdict(painter, area, plan)

    def _paint_total(self, painter: QPainter, area: QRectF, plan: MemoryPlan) -> None:
        strong = font("small")
        strong.setWeight(QFont.Weight.DemiBold)
        painter.setFont(strong)
        painter.setPen(self._theme.color("text"))
        number = gib(plan.peak_bytes)
        width = QFontMetrics(strong).horizontalAdvance("00.00") + 2
        align = Qt.AlignmentFlag.AlignVCenter
        first = QRectF(area.left(), area.top(), width, area.height())
        painter.drawText(first, align | Qt.AlignmentFlag.AlignRight, number)
        painter.setFont(font("caption"))
        painter.setPen(self._theme.color("text_2"))
        rest = area.adjusted(width + 5, 0, 40, 0)
        painter.drawText(rest, align, f"GiB  {interval(plan)}")

    def _paint_verdict(self, painter: QPainter, area: QRectF, plan: MemoryPlan) -> None:
        assert self._device is not None
        answer = judge(plan, self._device)
        name, token, words = ANSWERS[answer]
        if self._style.two_lines:
            left = self._device.free_bytes - plan.peak_bytes
            words = f"{gib(abs(left))} {'free' if left >= 0 else 'over'}"
        color = self._theme.color(token)
        box = QRectF(area.left(), area.center().y() - 6, 12, 12)
        paint_icon(painter, name, color, box)
        painter.setFont(font("caption"))
        painter.setPen(color)
        painter.drawText(area.adjusted(17, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, words)

    # -- pointer and keyboard ---------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Say what is under the pointer."""
        self._set_hover(self._at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        """Say nothing any more."""
        self._set_hover((-1, ""))
        super().leaveEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the method of the row."""
        row, part = self._at(event.position())
        if 0 <= row < len(self._plans):
            self._row, self._part = row, part
            self._choose(row)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move between rows and parts; Space and Enter choose."""
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            step = 1 if key == Qt.Key.Key_Down else -1
            self._row = min(len(self._plans) - 1, max(0, self._row + step))
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self._move_part(1 if key == Qt.Key.Key_Right else -1)
        elif key in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._choose(self._row)
            return
        else:
            super().keyPressEvent(event)
            return
        self._on_cursor()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Start in the row of the run."""
        self._row = max(0, self._chosen)
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Let the read-out line go."""
        self._part = ""
        self.read_out.emit("")
        super().focusOutEvent(event)
        self.update()

    def _choose(self, row: int) -> None:
        if not 0 <= row < len(self._plans):
            return
        if self._plans[row].method == "full":
            self.read_out.emit(FULL)
        else:
            self.method_chosen.emit(self._plans[row])

    def _move_part(self, step: int) -> None:
        if not self._plans:
            return
        parts = [part for part in PART_NAMES if part_bytes(self._plans[self._row], part)]
        index = parts.index(self._part) + step if self._part in parts else 0
        self._part = parts[min(len(parts) - 1, max(0, index))]

    def _on_cursor(self) -> None:
        self.read_out.emit(self.sentence(self._row, self._part))
        self._describe()
        QAccessible.updateAccessibility(
            QAccessibleEvent(self, QAccessible.Event.DescriptionChanged)
        )
        self.update()

    def _set_hover(self, place: tuple[int, str]) -> None:
        if place != self._hover:
            self._hover = place
            self.read_out.emit(self.sentence(*place))
            self.update()

    def _focused_part(self, row: int) -> str:
        if self._hover[0] == row and self._hover[1]:
            return self._hover[1]
        return self._part if self.hasFocus() and row == self._row else ""

    def _at(self, point: QPointF) -> tuple[int, str]:
        row = int(point.y() // self._style.pitch)
        if not 0 <= row < len(self._plans) or self._device is None:
            return -1, ""
        scale = Scale.of(self._device, self._plans)
        painter = BarPainter(QPainter(), self._theme, scale)
        for part, area in painter.segments(self._plans[row], self.track(row)):
            if area.left() <= point.x() <= area.right() + 1:
                return row, part
        return row, ""

    def sentence(self, row: int, part: str) -> str:
        """Return what the read-out line says of a part of a row, or of the row itself."""
        if not 0 <= row < len(self._plans):
            return ""
        plan = self._plans[row]
        if not part:
            return FULL if plan.method == "full" else ""
        return self._explain(plan, part)

    def _describe(self) -> None:
        words = self.sentence(self._row, self._part)
        if not words and 0 <= self._row < len(self._plans) and self._device is not None:
            plan = self._plans[self._row]
            answer = judge(plan, self._device)
            words = f"{plan.label}, {gib(plan.peak_bytes)} gibibytes, {answer}"
        self.setAccessibleDescription(words)
