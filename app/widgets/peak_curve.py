"""The peak of three methods against one setting, painted without pyqtgraph."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.amounts import gib
from app.session import Session
from app.style.theme import Theme, font, scaled
from core.memory.methods import METHODS
from core.memory.plan import MemoryPlan, plan_methods

LINES = (
    ("line_orange", "LoRA", Qt.PenStyle.SolidLine),
    ("line_green", "8-bit", Qt.PenStyle.DashLine),
    ("line_blue", "4-bit DQ", Qt.PenStyle.DotLine),
)
DRAWN_METHODS = (METHODS[0], METHODS[1], METHODS[3])
LENGTH_KEY = "data.max_length"
LEFT, RIGHT, TOP, BOTTOM = 36, 64, 8, 22
"""Margins around the plot, in pixels."""
LABEL = 34
"""Room that a number below the plot takes, in pixels."""


class PeakCurve(QWidget):
    """Curves over a setting's usual values, with what is free and where the setting stands."""

    def __init__(self, theme: Theme, session: Session, key: str, values: Sequence[int]) -> None:
        super().__init__()
        self._theme, self._session = theme, session
        self._key, self._usual = key, values
        self._values: list[int] = []
        self._here = 0
        self._peaks: list[list[int]] = []
        self.setMinimumHeight(136)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """A small plot."""
        return QSize(320, 140)

    @property
    def peaks(self) -> list[list[int]]:
        """Peak in bytes of each drawn method at each value."""
        return self._peaks

    def steps(self) -> Iterator[None]:
        """Plan one value per step; until the last one the curves stay as they were."""
        session, model = self._session, self._session.model
        values: list[int] = []
        columns: list[tuple[MemoryPlan, ...]] = []
        here = self._setting()
        if model is not None and session.target_names():
            length = model.architecture.context_length
            usual = [v for v in self._usual if self._key != LENGTH_KEY or v <= length]
            values = sorted({*usual, here})
        for value in values:
            columns.append(self._plans(value))
            yield
        self._values, self._here = values, here
        self._peaks = [[plans[i].peak_bytes for plans in columns] for i in range(len(LINES))]
        if values:
            self.setAccessibleName(f"Peak against {self._key.rsplit('.', 1)[-1]}")
            self.setAccessibleDescription(self._in_words())
        self.update()

    def _setting(self) -> int:
        """Return where the setting stands; of a length, where the longest row ends if less."""
        section, key = self._key.split(".")
        value = int(getattr(getattr(self._session.settings, section), key))
        longest = self._session.known().longest
        return min(value, longest) if longest and self._key == LENGTH_KEY else value

    def _plans(self, value: int) -> tuple[MemoryPlan, ...]:
        session = self._session
        assert session.model is not None
        changed = session.settings.with_changes({self._key: value})
        known = session.known(changed)
        if self._key == LENGTH_KEY:  # as if there were rows of that length
            known = replace(known, longest=0, together=0)
        return plan_methods(
            session.model, changed, session.device, methods=DRAWN_METHODS, known=known
        )

    def _in_words(self) -> str:
        index = self._index
        words = (
            f"{name} {gib(peaks[index])} GiB"
            for (_, name, _), peaks in zip(LINES, self._peaks, strict=True)
        )
        return f"At {self._here:,}: " + ", ".join(words)

    # -- painting ---------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw grid, free line, curves and marks."""
        if not self._values:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(scaled(LEFT), TOP, -scaled(RIGHT), -scaled(BOTTOM))
        self._top = self._scale_end()
        self._paint_grid(painter, area)
        self._paint_free(painter, area)
        for line, peaks in zip(LINES, self._peaks, strict=True):
            self._paint_line(painter, area, line, peaks)
        self._paint_names(painter, area)
        painter.end()

    def _scale_end(self) -> float:
        """Return the upper end in GiB: all there is to see, but not far beyond what is free."""
        highest = max(max(peaks) for peaks in self._peaks) / 2**30
        free = self._session.device.free_bytes / 2**30
        end = min(highest * 1.05, max(free * 1.6, self._peaks[0][self._index] / 2**30 * 1.3))
        return _round_up(end)

    @property
    def _index(self) -> int:
        return self._values.index(self._here)

    def _point(self, area: QRectF, index: int, count: float) -> QPointF:
        steps = max(1, len(self._values) - 1)
        x = area.left() + index / steps * area.width()
        return QPointF(x, area.bottom() - count / 2**30 / self._top * area.height())

    def _paint_grid(self, painter: QPainter, area: QRectF) -> None:
        theme = self._theme
        painter.setFont(font("caption"))
        for quarter in range(5):
            y = area.bottom() - quarter / 4 * area.height()
            painter.setPen(QPen(theme.color("border" if not quarter else "grid"), 1))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(theme.color("text_2"))
            box = QRectF(0, y - 12, scaled(LEFT) - 6, 24)
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(box, right, f"{self._top * quarter / 4:g}")
        center = Qt.AlignmentFlag.AlignCenter
        every = 2 if len(self._values) > 6 and area.width() < 420 else 1
        here = self._point(area, self._index, 0).x()
        for index, value in enumerate(self._values):
            x = self._point(area, index, 0).x()
            in_the_way = abs(x - here) < scaled(LABEL)
            if value != self._here and (index % every or in_the_way):
                continue
            painter.setPen(theme.color("text" if value == self._here else "text_2"))
            painter.drawText(
                QRectF(x - 30, area.bottom() + 4, 60, scaled(16)), center, f"{value:,}"
            )
        painter.setPen(QPen(theme.color("text_3"), 1, Qt.PenStyle.DotLine))
        painter.drawLine(QPointF(here, area.top()), QPointF(here, area.bottom()))

    def _paint_free(self, painter: QPainter, area: QRectF) -> None:
        free = self._session.device.free_bytes
        if free / 2**30 > self._top:
            return
        y = self._point(area, 0, free).y()
        ground = self._theme.color("danger_soft")
        ground.setAlpha(110)
        painter.fillRect(QRectF(area.left(), area.top(), area.width(), y - area.top()), ground)
        painter.setPen(QPen(self._theme.color("text"), 1.5))
        painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
        beside = y - 4 if y - area.top() > scaled(14) else y + scaled(13)
        painter.drawText(QPointF(area.left() + 4, beside), f"{gib(free)} free")

    def _paint_line(
        self,
        painter: QPainter,
        area: QRectF,
        line: tuple[str, str, Qt.PenStyle],
        peaks: list[int],
    ) -> None:
        token, _name, style = line
        color = self._theme.color(token)
        painter.save()
        painter.setClipRect(area.adjusted(-4, 0, 4, 1))
        painter.setPen(QPen(color, 2, style))
        painter.drawPolyline([self._point(area, i, count) for i, count in enumerate(peaks)])
        painter.setPen(QPen(self._theme.color("surface"), 1))
        painter.setBrush(color)
        painter.drawEllipse(self._point(area, self._index, peaks[self._index]), 3.5, 3.5)
        painter.restore()

    def _paint_names(self, painter: QPainter, area: QRectF) -> None:
        """Write each name at the end of its line, where they do not touch each other."""
        ends = [
            (max(area.top(), self._point(area, len(self._values) - 1, peaks[-1]).y()), line)
            for line, peaks in zip(LINES, self._peaks, strict=True)
        ]
        lowest = area.top() - scaled(20)
        for y, (token, name, style) in sorted(ends, key=lambda end: end[0]):
            lowest = max(y, lowest + scaled(15))
            painter.setPen(QPen(self._theme.color(token), 2, style))
            left = area.right() + 5
            painter.drawLine(QPointF(left, lowest), QPointF(left + 8, lowest))
            painter.setPen(self._theme.color("text"))
            painter.drawText(QPointF(left + 11, lowest + 4), name)


def _round_up(value: float) -> float:
    """Return the next number whose quarters are easy to read."""
    size = 1.0
    while size * 40 < value:
        size *= 10
    while size * 4 > value:
        size /= 10
    return next(
        step * size for step in (4, 6, 8, 10, 12, 16, 20, 24, 32, 40) if step * size >= value
    )
