"""A slider over the powers of two, with its ends and its value written under the ticks."""

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QSlider, QVBoxLayout, QWidget

from app.style.theme import Theme, font

LABELS = 22
HANDLE = 16


class _Slider(QSlider):
    """A slider that leaves the wheel to the page unless it has the focus."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class PowerSlider(QWidget):
    """Chooses 1, 2, 4 … 2^exponent.

    Signals:
        changed: The user moved the slider to another power (int).
    """

    changed = Signal(int)

    def __init__(self, exponent: int, *, theme: Theme, name: str) -> None:
        super().__init__()
        self._theme = theme
        self._value = 1
        self.slider = _Slider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, exponent)
        self.slider.setPageStep(1)
        self.slider.setFixedHeight(20)
        self.slider.setAccessibleName(f"{name}, powers of two")
        self.slider.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, LABELS)
        layout.addWidget(self.slider)
        self.setFocusProxy(self.slider)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.slider.valueChanged.connect(self._on_moved)
        theme.changed.connect(self.update)

    def set_value(self, value: int) -> None:
        """Show a value; one between two powers puts the handle at the nearer one."""
        self._value = max(1, value)
        was = self.slider.blockSignals(True)
        low = self._value.bit_length() - 1
        nearer_above = self._value * self._value > 2 ** (2 * low + 1)
        self.slider.setValue(low + nearer_above)
        self.slider.blockSignals(was)
        self.update()

    def sizeHint(self) -> QSize:
        """Return slider and labels."""
        return QSize(150, 20 + LABELS)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw ticks and labels under the slider."""
        painter = QPainter(self)
        painter.setFont(font("caption"))
        last = self.slider.maximum()
        for exponent in range(last + 1):
            x = self._position(exponent)
            painter.setPen(QPen(self._theme.color("border"), 1))
            painter.drawLine(int(x), 21, int(x), 25)
            if exponent in (0, last) or self._is_value(exponent):
                chosen = self._is_value(exponent)
                painter.setPen(self._theme.color("text" if chosen else "text_2"))
                box = QRectF(x - 16, 26, 32, 14)
                box.moveLeft(min(max(box.left(), 0), self.width() - 32))
                side = {0: Qt.AlignmentFlag.AlignLeft, last: Qt.AlignmentFlag.AlignRight}
                painter.drawText(
                    box, side.get(exponent, Qt.AlignmentFlag.AlignHCenter), str(2**exponent)
                )

    def _is_value(self, exponent: int) -> bool:
        return self._value == 1 << exponent

    def _position(self, exponent: int) -> float:
        room = self.width() - HANDLE
        return HANDLE / 2 + room * exponent / max(1, self.slider.maximum())

    def _on_moved(self, exponent: int) -> None:
        self._value = 2**exponent
        self.update()
        self.changed.emit(self._value)
