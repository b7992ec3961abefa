"""A number that may be typed wrong: it keeps the text and says what is allowed."""

import re
from typing import Any

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QLineEdit

from app.setting_field import SettingField
from app.style.theme import font
from app.widgets.controls import draw_chevron
from app.widgets.text import set_variant

STEPPERS = 22
"""Width of the two arrows, in pixels."""
GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")
"""An integer with commas between its thousands."""


def number_text(value: Any) -> str:
    """Return a number as people write it: 32, 0.05, 5e-4."""
    if isinstance(value, float):
        text = f"{value:.6g}"
        mantissa, mark, exponent = text.partition("e")
        return f"{mantissa}e{int(exponent)}" if mark else text
    return str(value)


def number_of(text: str, *, whole: bool) -> int | float | str:
    """Return the number that people mean, the text where it is none or could be two.

    1,024 is an integer with a mark between its thousands; for other numbers a comma is a decimal
    one, so that 1,024 could mean either and is neither. 1e3 is an integer, 12,5 and 8.5 are not.
    """
    text = text.strip()
    grouped = GROUPED.fullmatch(text)
    if whole and grouped:
        return int(text.replace(",", ""))
    try:
        number = float(text if whole or grouped else text.replace(",", "."))
    except ValueError:
        return text
    if not whole:
        return number
    return int(number) if number.is_integer() else text


class TextField(QLineEdit):
    """A line of text.

    Signals:
        changed: The user has typed something else and left the field or pressed Enter (str).
    """

    changed = Signal(object)

    def __init__(self, placeholder: str = "") -> None:
        super().__init__()
        self.setPlaceholderText(placeholder)
        self.editingFinished.connect(self._on_edited)
        self._known = ""

    @property
    def value(self) -> Any:
        """What is typed."""
        return self.text().strip()

    def set_value(self, value: Any) -> None:
        """Show another text, as long as nobody is typing a wrong one."""
        self._known = str(value)
        if self.text() != self._known:
            self.setText(self._known)
        self.set_invalid(False)

    def set_invalid(self, invalid: bool) -> None:
        """Turn the border red, or back."""
        if bool(self.property("invalid") == "true") != invalid:
            set_variant(self, invalid="true" if invalid else "false")

    def _on_edited(self) -> None:
        if self.text() != self._known:
            self.changed.emit(self.value)


class ListField(TextField):
    """Words with commas between them; `changed` gives them as a tuple."""

    @property
    def value(self) -> Any:
        """The words."""
        return tuple(part for part in (part.strip() for part in self.text().split(",")) if part)

    def set_value(self, value: Any) -> None:
        """Show other words."""
        super().set_value(", ".join(value))


class NumberField(TextField):
    """A number with unit and bounds; arrow keys and the wheel (with focus) step it.

    Integers step by one, other numbers by a tenth of their size. With `powers` an integer doubles
    and halves instead.
    """

    def __init__(self, field: SettingField, *, powers: bool = False) -> None:
        super().__init__()
        self._field, self._powers = field, powers
        self._settled: Any = field.default
        self.setTextMargins(0, 0, STEPPERS + self._unit_width(), 0)
        self.setAccessibleDescription(field.bounds)
        self.textEdited.connect(self._on_typed)

    @property
    def value(self) -> Any:
        """The number, or the text where it is none."""
        return number_of(self.text(), whole=self._field.kind == "integer")

    @property
    def settled(self) -> Any:
        """The number from before typing: the beginning of a wrong one may be a valid number."""
        return self._settled

    def set_value(self, value: Any) -> None:
        """Show another number."""
        super().set_value(number_text(value))
        self._settled = value

    def _on_edited(self) -> None:
        super()._on_edited()
        if self.property("invalid") != "true":
            self._settled = self.value

    def _on_typed(self, _text: str) -> None:
        """Follow the fingers while the number is a valid one; judge only when typing is over."""
        value = self.value
        if not isinstance(value, str) and self._field.nearest(value) == value:
            self._known = self.text()
            self.set_invalid(False)
            self.changed.emit(value)

    def step(self, by: int) -> None:
        """Go up or down."""
        value = self.value
        if isinstance(value, str):
            return
        changed = self._field.nearest(self._stepped(value, by))
        if changed != value:
            self.set_value(changed)
            self.changed.emit(changed)

    def _stepped(self, value: float, by: int) -> float:
        if self._powers:
            return value * 2**by if by > 0 else value // 2
        if self._field.kind == "integer":
            return value + by
        size = abs(value) or 0.1
        return float(f"{value + by * size / 10:.3g}")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Step with the arrow keys."""
        by = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}.get(Qt.Key(event.key()), 0)
        if by:
            self.step(by)
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Step with the wheel, but only with the focus."""
        if self.hasFocus() and event.angleDelta().y():
            self.step(1 if event.angleDelta().y() > 0 else -1)
            event.accept()
        else:
            event.ignore()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Step with the two arrows at the right end."""
        if event.position().x() >= self.width() - STEPPERS:
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            self.step(1 if event.position().y() < self.height() / 2 else -1)
        else:
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Show that the arrows can be clicked."""
        over = event.position().x() >= self.width() - STEPPERS
        self.setCursor(Qt.CursorShape.ArrowCursor if over else Qt.CursorShape.IBeamCursor)
        super().mouseMoveEvent(event)

    def sizeHint(self) -> QSize:
        """Room for eight digits, the unit and the arrows."""
        digits = QFontMetrics(self.font()).horizontalAdvance("0" * 6)
        return QSize(digits + self._unit_width() + STEPPERS + 20, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        """Never narrower than that."""
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw unit and arrows on top of the style."""
        super().paintEvent(event)
        painter = QPainter(self)
        right = self.width() - STEPPERS
        if self._field.unit:
            painter.setFont(font("small"))
            painter.setPen(self.palette().placeholderText().color())
            area = QRect(right - self._unit_width(), 0, self._unit_width() - 4, self.height())
            painter.drawText(
                area, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, self._field.unit
            )
        half = self.height() // 2
        draw_chevron(self, painter, QRect(right, 4, STEPPERS - 6, half - 5), up=True)
        draw_chevron(self, painter, QRect(right, half + 1, STEPPERS - 6, half - 5), up=False)
        painter.end()

    def _unit_width(self) -> int:
        unit = self._field.unit
        return QFontMetrics(font("small")).horizontalAdvance(unit) + 8 if unit else 0
