"""The legend of the memory bars, and the bar of one method alone."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from app.style.theme import Theme, font, scaled
from app.style.tokens import MEMORY_PARTS
from app.widgets.memory_bar import PART_NAMES, BarPainter, Scale
from core.memory.devices import Device
from core.memory.plan import MemoryPlan


class Legend(QWidget):
    """The parts of a bar with their colours, or a sentence about one of them."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._sentence = ""
        self.setMinimumWidth(80)
        self.setFixedHeight(scaled(18))
        theme.changed.connect(self.update)

    @property
    def sentence(self) -> str:
        """What the read-out line says, empty while the legend is shown."""
        return self._sentence

    def say(self, sentence: str) -> None:
        """Show a sentence instead of the legend, or the legend again."""
        self._sentence = sentence
        self.setAccessibleName(sentence)
        self.setToolTip(sentence)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw swatches and names."""
        painter = QPainter(self)
        made = font("caption")
        painter.setFont(made)
        metrics = QFontMetrics(made)
        painter.setPen(self._theme.color("text_2"))
        align = Qt.AlignmentFlag.AlignVCenter
        if self._sentence:
            right = Qt.TextElideMode.ElideRight
            painter.drawText(
                self.rect(), align, metrics.elidedText(self._sentence, right, self.width())
            )
            painter.end()
            return
        left, middle = 0.0, self.height() / 2
        for part in MEMORY_PARTS:
            box = QRectF(left, middle - 4, 8, 8)
            painter.fillRect(box, self._theme.color(f"memory_{part}"))
            if part == "logits":
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(self._theme.color("memory_logits_edge"))
                painter.drawRect(box.adjusted(0.5, 0.5, -0.5, -0.5))
            painter.setPen(self._theme.color("text_2"))
            width = metrics.horizontalAdvance(PART_NAMES[part])
            painter.drawText(
                QRectF(left + 13, 0, width + 2, self.height()), align, PART_NAMES[part]
            )
            left += 13 + width + 18
        painter.end()


class FoldedBar(QWidget):
    """The bar of the chosen method alone."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._plan: MemoryPlan | None = None
        self._device: Device | None = None
        self._measured = 0
        self.setMinimumWidth(140)
        self.setFixedHeight(32)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """A bar of middle length."""
        return QSize(360, 32)

    def show_plan(self, plan: MemoryPlan | None, device: Device, measured: int) -> None:
        """Show another plan."""
        self._plan, self._device, self._measured = plan, device, measured
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the bar, the free line and the marker."""
        if self._plan is None or self._device is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        bars = BarPainter(painter, self._theme, Scale.of(self._device, [self._plan]))
        track = QRectF(0, self.height() / 2 - 7, self.width() - 30, 14)
        bars.track(track)
        bars.bar(self._plan, track)
        bars.free_line(track, track.top() - 4, track.bottom() + 4)
        if self._measured:
            bars.measured(self._measured, track)
        painter.end()
