"""The stacked bar of a memory plan, painted on the track of a card."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen, QPolygonF

from app.style.theme import Theme
from app.style.tokens import MEMORY_PARTS
from core.memory.devices import Device
from core.memory.plan import MemoryPlan

OVERHANG = 28
"""Pixels that a bar may run past the end of the track before it is torn off."""
ROOMY = 0.4
"""Below this share of the card, the largest bar is shown on an enlarged scale."""

DRAWN = {
    "weights": ("weights",),
    "adapter": ("adapter",),
    "optimizer": ("optimizer", "gradients"),
    "activations": ("activations",),
    "logits": ("logits",),
    "context": ("context", "workspace"),
}
"""Which parts of a plan each drawn part consists of."""

PART_NAMES = {
    "weights": "Weights",
    "adapter": "Adapter",
    "optimizer": "Optimizer + gradients",
    "activations": "Activations",
    "logits": "Logits",
    "context": "Context",
}
"""Names of the drawn parts, for legends and read-out lines."""


def part_bytes(plan: MemoryPlan, part: str) -> int:
    """Return the bytes of a drawn part."""
    return sum(plan.parts.get(name, 0) for name in DRAWN[part])


@dataclass(frozen=True)
class Scale:
    """How bytes become pixels: the same for all bars that stand below each other.

    Attributes:
        device: The card whose memory the track is.
        end_bytes: What the right end of the track stands for; less than the card where the plans
            are so small that nothing could be seen.
    """

    device: Device
    end_bytes: int

    @classmethod
    def of(cls, device: Device, plans: Sequence[MemoryPlan]) -> "Scale":
        """Return the scale for these plans on that card."""
        largest = max((plan.high_bytes for plan in plans), default=0)
        if 0 < largest < ROOMY * device.total_bytes:
            return cls(device, round(largest / 0.75))
        return cls(device, max(1, device.total_bytes))

    @property
    def enlarged(self) -> bool:
        """Whether the track shows only the first part of the card."""
        return self.end_bytes < self.device.total_bytes

    def x(self, count: float, track: QRectF) -> float:
        """Return where `count` bytes end on the track."""
        return track.left() + count / self.end_bytes * track.width()


class BarPainter:
    """Paints tracks and bars with the colours of the theme."""

    def __init__(self, painter: QPainter, theme: Theme, scale: Scale) -> None:
        self._painter, self._theme, self._scale = painter, theme, scale

    def track(self, track: QRectF) -> None:
        """Paint the card: its empty part, and hatched what others use."""
        painter = self._painter
        painter.fillRect(track, self._theme.color("track"))
        free = self._scale.x(self._scale.device.free_bytes, track)
        if free < track.right():
            used = QRectF(track)
            used.setLeft(free)
            painter.fillRect(used, QBrush(self._theme.color("border"), Qt.BrushStyle.BDiagPattern))
        if self._scale.enlarged:
            self._break(track)

    def free_line(self, track: QRectF, top: float, bottom: float) -> None:
        """Paint the vertical line of what is free, across all rows."""
        x = self._scale.x(self._scale.device.free_bytes, track)
        if x <= track.right():
            self._painter.setPen(QPen(self._theme.color("text"), 1.5))
            self._painter.drawLine(QPointF(x, top), QPointF(x, bottom))

    def bar(self, plan: MemoryPlan, track: QRectF, focus: str = "") -> None:
        """Paint a plan and its interval; the drawn part `focus` gets a frame."""
        painter = self._painter
        painter.save()
        painter.setClipRect(QRectF(track).adjusted(0, -4, OVERHANG, 4))
        for part, area in self.segments(plan, track):
            painter.fillRect(area, self._theme.color(f"memory_{part}"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            if part == "logits":
                painter.setPen(QPen(self._theme.color("memory_logits_edge"), 1))
                painter.drawRect(area.adjusted(0.5, 0.5, -0.5, -0.5))
            if part == focus:
                painter.setPen(QPen(self._theme.color("text"), 2))
                painter.drawRect(area.adjusted(1, 1, -1, -1))
        if self._scale.x(plan.peak_bytes, track) > track.right() + OVERHANG:
            self._tear(track)
        else:
            self._whisker(plan, track)
        painter.restore()

    def segments(self, plan: MemoryPlan, track: QRectF) -> list[tuple[str, QRectF]]:
        """Return where each drawn part lies: one pixel apart, never narrower than two."""
        left, total, placed = track.left(), 0, []
        for part in MEMORY_PARTS:
            count = part_bytes(plan, part)
            if not count:
                continue
            total += count
            right = max(self._scale.x(total, track), left + 2)
            placed.append((part, QRectF(left, track.top(), right - left - 1, track.height())))
            left = right
        return placed

    def measured(self, count: int, track: QRectF) -> None:
        """Paint the marker of the measured peak."""
        x = min(self._scale.x(count, track), track.right() + OVERHANG)
        painter = self._painter
        painter.setPen(QPen(self._theme.color("text"), 1.5))
        painter.drawLine(QPointF(x, track.top() - 3), QPointF(x, track.bottom() + 1))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color("text"))
        top = track.top() - 6
        painter.drawPolygon(
            QPolygonF([QPointF(x - 4, top), QPointF(x + 4, top), QPointF(x, top + 5)])
        )

    def _whisker(self, plan: MemoryPlan, track: QRectF) -> None:
        low, high = (self._scale.x(n, track) for n in (plan.low_bytes, plan.high_bytes))
        middle = track.center().y()
        cap = min(4.0, track.height() / 2 - 1)
        line = QPointF(low, middle), QPointF(high, middle)
        self._painter.setPen(QPen(self._theme.color("surface"), 2.6))  # bars are of any colour
        self._painter.drawLine(*line)
        self._painter.setPen(QPen(self._theme.color("text"), 1.2))
        self._painter.drawLine(*line)
        for x in (low, high):
            self._painter.drawLine(QPointF(x, middle - cap), QPointF(x, middle + cap))

    def _tear(self, track: QRectF) -> None:
        """Paint a torn edge in the colour of the ground."""
        right, step = track.right() + OVERHANG, track.height() / 4
        points = [QPointF(right + 1, track.top() - 1)]
        for index in range(5):
            depth = 5 if index % 2 else 0
            points.append(QPointF(right - depth, track.top() + index * step))
        points.append(QPointF(right + 1, track.bottom() + 1))
        self._fill(points, self._theme.color("surface"))

    def _break(self, track: QRectF) -> None:
        """Paint two slanted lines where the track is cut short of the card's end."""
        self._painter.setPen(QPen(self._theme.color("surface"), 2))
        for shift in (10, 16):
            x = track.right() - shift
            self._painter.drawLine(QPointF(x, track.bottom() + 1), QPointF(x + 5, track.top() - 1))

    def _fill(self, points: list[QPointF], color: QColor) -> None:
        self._painter.setPen(Qt.PenStyle.NoPen)
        self._painter.setBrush(color)
        self._painter.drawPolygon(QPolygonF(points))
