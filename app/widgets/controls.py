"""Controls that ignore the wheel without focus and draw their own marks in every theme."""

from typing import Any

from PySide6.QtCore import QEvent, QPointF, QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPalette, QPen, QWheelEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QSizePolicy,
    QSpinBox,
    QStyle,
    QStyleOptionButton,
    QStyleOptionComboBox,
    QStyleOptionSpinBox,
    QWidget,
)

from app.style.theme import Theme
from app.widgets.buttons import Button, button


def draw_chevron(widget: QWidget, painter: QPainter, area: QRect, *, up: bool) -> None:
    """Draw a small chevron in the middle of `area`."""
    group = QPalette.ColorGroup.Normal if widget.isEnabled() else QPalette.ColorGroup.Disabled
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(widget.palette().color(group, QPalette.ColorRole.Text), 1.5))
    center = area.toRectF().center()
    rise = -2.0 if up else 2.0
    painter.drawPolyline(
        [
            center + QPointF(-4, -rise),
            center + QPointF(0, rise),
            center + QPointF(4, -rise),
        ]
    )


class ComboBox(QComboBox):
    """A combo box for exclusive choices; the wheel does nothing while it has no focus.

    Signals:
        changed: The user or the program chose another value.
    """

    changed = Signal(object)

    def __init__(self, options: list[tuple[Any, str]] | None = None) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        for value, text in options or []:
            self.addItem(text, value)
        self.currentIndexChanged.connect(self._on_index)

    def set_options(self, options: list[tuple[Any, str]]) -> None:
        """Offer other options; the chosen one stays if it is among them."""
        if options == [(self.itemData(i), self.itemText(i)) for i in range(self.count())]:
            return
        kept = self.value
        was = self.blockSignals(True)
        self.clear()
        for value, text in options:
            self.addItem(text, value)
        self.set_value(kept)
        self.blockSignals(was)
        if self.value != kept:
            self.changed.emit(self.value)

    @property
    def value(self) -> Any:
        """The chosen value."""
        return self.currentData()

    def set_value(self, value: Any) -> None:
        """Choose `value`, if it is one of the options."""
        index = self.findData(value)
        if index >= 0:
            self.setCurrentIndex(index)

    def _on_index(self, _index: int) -> None:
        self.changed.emit(self.currentData())

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the page unless the control has the focus."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the arrow on top of the style."""
        super().paintEvent(event)
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        area = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxArrow, self
        )
        painter = QPainter(self)
        draw_chevron(self, painter, area, up=False)
        painter.end()


def _paint_steppers(box: QSpinBox | QDoubleSpinBox) -> None:
    option = QStyleOptionSpinBox()
    box.initStyleOption(option)
    painter = QPainter(box)
    for control, up in (
        (QStyle.SubControl.SC_SpinBoxUp, True),
        (QStyle.SubControl.SC_SpinBoxDown, False),
    ):
        area = box.style().subControlRect(QStyle.ComplexControl.CC_SpinBox, option, control, box)
        draw_chevron(box, painter, area, up=up)
    painter.end()


TEXT_MARGIN = 6  # the stylesheet does not reach the text of a spin box


class SpinBox(QSpinBox):
    """An integer; the wheel does nothing while it has no focus."""

    def __init__(self, low: int = 0, high: int = 100, value: int = 0) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setRange(low, high)
        self.setValue(value)
        self.lineEdit().setTextMargins(TEXT_MARGIN, 0, 0, 0)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the page unless the control has the focus."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the arrows on top of the style."""
        super().paintEvent(event)
        _paint_steppers(self)


class DoubleSpinBox(QDoubleSpinBox):
    """A number; the wheel does nothing while it has no focus."""

    def __init__(self, low: float = 0.0, high: float = 1.0, value: float = 0.0) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setRange(low, high)
        self.setValue(value)
        self.lineEdit().setTextMargins(TEXT_MARGIN, 0, 0, 0)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the page unless the control has the focus."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the arrows on top of the style."""
        super().paintEvent(event)
        _paint_steppers(self)


class CheckBox(QCheckBox):
    """A switch with a check mark that the stylesheet cannot draw.

    Signals:
        changed: It was switched (bool).
    """

    changed = Signal(object)

    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        self.setAccessibleName(text)
        self.toggled.connect(self.changed.emit)

    @property
    def value(self) -> bool:
        """Whether it is on."""
        return self.isChecked()

    def set_value(self, value: bool) -> None:
        """Switch it."""
        self.setChecked(bool(value))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the mark on top of the style."""
        super().paintEvent(event)
        if not self.isChecked():
            return
        option = QStyleOptionButton()
        self.initStyleOption(option)
        area = (
            self.style()
            .subElementRect(QStyle.SubElement.SE_CheckBoxIndicator, option, self)
            .toRectF()
        )
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        role = (
            QPalette.ColorRole.HighlightedText
            if self.isEnabled()
            else QPalette.ColorRole.PlaceholderText
        )
        painter.setPen(QPen(self.palette().color(role), 1.8))
        center = area.center()
        painter.drawPolyline(
            [center + QPointF(-3.5, 0.2), center + QPointF(-1, 2.8), center + QPointF(3.8, -2.8)]
        )
        painter.end()


class Segmented(QFrame):
    """Two to four exclusive choices side by side; arrow keys move the choice.

    Signals:
        changed: The user or the program chose another value.
    """

    changed = Signal(object)

    def __init__(self, options: list[tuple[Any, str]], *, theme: Theme, name: str = "") -> None:
        super().__init__()
        self.setProperty("role", "segments")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(name)
        self._name = name
        self._options = list(options)
        self._group = QButtonGroup(self)
        self._buttons: list[Button] = []
        self._dividers: list[QFrame] = []
        layout = QHBoxLayout(self)
        layout.setContentsMargins(1, 0, 1, 0)
        layout.setSpacing(0)
        for index, (_value, text) in enumerate(options):
            if index:
                self._dividers.append(_divider())
                layout.addWidget(self._dividers[-1])
            layout.addWidget(self._segment(text, theme), 1)
        self._buttons[0].setChecked(True)
        self._group.idToggled.connect(self._on_toggled)

    def _segment(self, text: str, theme: Theme) -> Button:
        made = button(text, theme=theme, role="segment")
        made.setCheckable(True)
        made.setAccessibleName(f"{self._name}: {text}" if self._name else text)
        made.installEventFilter(self)
        self._group.addButton(made, len(self._buttons))
        self._buttons.append(made)
        return made

    @property
    def value(self) -> Any:
        """The chosen value."""
        return self._options[self._group.checkedId()][0]

    def set_value(self, value: Any) -> None:
        """Choose `value`, if it is one of the options."""
        for index, (option, _text) in enumerate(self._options):
            if option == value:
                self._buttons[index].setChecked(True)

    def set_name(self, name: str) -> None:
        """Name it, and its segments, for a screen reader."""
        self._name = name
        self.setAccessibleName(name)
        for (_value, text), made in zip(self._options, self._buttons, strict=True):
            made.setAccessibleName(f"{name}: {text}")

    def set_last(self, value: Any, text: str, *, shown: bool) -> None:
        """Let the last choice be another one, and show it or not."""
        self._options[-1] = (value, text)
        self._buttons[-1].setText(text)
        self._buttons[-1].setAccessibleName(f"{self._name}: {text}")
        for widget in (self._buttons[-1], self._dividers[-1]):
            widget.setVisible(shown)

    def set_option_enabled(self, value: Any, enabled: bool, why_not: str = "") -> None:
        """Switch one choice off, and say why in its tool tip."""
        for (option, _text), made in zip(self._options, self._buttons, strict=True):
            if option == value:
                made.setEnabled(enabled)
                made.setToolTip("" if enabled else why_not)

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        """Let left and right move the choice."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
            if step:
                self._move(step)
                return True
        return False

    def _move(self, step: int) -> None:
        index = self._group.checkedId() + step
        if not 0 <= index < len(self._buttons):
            return
        segment = self._buttons[index]
        if segment.isEnabled() and not segment.isHidden():
            segment.setChecked(True)
            segment.setFocus(Qt.FocusReason.TabFocusReason)

    def _on_toggled(self, index: int, on: bool) -> None:
        if on:
            self.changed.emit(self._options[index][0])


def _divider() -> QFrame:
    divider = QFrame()
    divider.setProperty("role", "divider")
    divider.setFixedWidth(1)
    return divider
