"""What surrounds the model list: filter chips, column heads, drop target."""

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QSizePolicy, QWidget

from app.pages.model_delegate import LEFT, RIGHT, columns
from app.style.icons import paint_icon
from app.style.theme import Theme, font
from app.widgets.buttons import Button, button

FILTERS = (
    ("all", "All"),
    ("starter", "Starter"),
    ("recent", "Recent"),
    ("local", "On this computer"),
    ("hub", "Hub"),
)


class FilterChips(QWidget):
    """Exclusive filters with their counts; those that would show nothing are hidden.

    Signals:
        chosen: Another filter is on.
    """

    chosen = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.names = [name for name, _ in FILTERS]
        self._group = QButtonGroup(self)
        self._chips: dict[str, Button] = {}
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for name, title in FILTERS:
            chip = button(title, theme=theme, role="filter")
            chip.setCheckable(True)
            self._chips[name] = chip
            self._group.addButton(chip)
            layout.addWidget(chip)
        layout.addStretch(1)
        self._chips["all"].setChecked(True)
        self._group.buttonClicked.connect(lambda _button: self.chosen.emit())

    @property
    def value(self) -> str:
        """Name of the filter that is on."""
        return next(name for name, chip in self._chips.items() if chip.isChecked())

    def show_counts(self, counts: dict[str, int]) -> None:
        """Show how many models each filter has."""
        for name, title in FILTERS:
            self._chips[name].setText(f"{title}  {counts[name]}")
            self._chips[name].setAccessibleName(f"{title}, {counts[name]}")
            self._chips[name].setVisible(counts[name] > 0 or name == "all")


class ModelHeader(QWidget):
    """Heads of the columns, where the delegate draws them."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setFixedHeight(28)
        theme.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the heads and a hairline."""
        painter = QPainter(self)
        painter.setFont(font("caption"))
        painter.setPen(self._theme.color("text_2"))
        place = columns(self.width())
        heads = (
            (place.name, "Model", LEFT),
            (place.parameters, "Parameters", RIGHT),
            (place.disk, "On disk", RIGHT),
            (place.licence, "Licence", LEFT),
            (place.lora, "LoRA", LEFT),
            (place.qlora, "QLoRA DQ", LEFT),
        )
        for (left, width), text, align in heads:
            if width:
                painter.drawText(QRect(left, 0, width, self.height()), align, text)
        painter.setPen(self._theme.color("line"))
        painter.drawLine(0, self.height() - 1, self.width(), self.height() - 1)


class DropTarget(QWidget):
    """A dashed field that says what can be dropped on the page."""

    def __init__(self, text: str, theme: Theme) -> None:
        super().__init__()
        self._text, self._theme = text, theme
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Return 40 pixels of height."""
        return QSize(200, 40)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the dashed edge, an icon and the words."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._theme.color("line_strong"), 1, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(self.rect().toRectF().adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        painter.setFont(font("small"))
        painter.setPen(self._theme.color("text_2"))
        width = painter.fontMetrics().horizontalAdvance(self._text) + 24
        left = (self.width() - width) // 2
        box = QRect(left, (self.height() - 16) // 2, 16, 16)
        paint_icon(painter, "folder-open", self._theme.color("text_2"), box.toRectF())
        painter.drawText(QRect(left + 24, 0, width, self.height()), LEFT, self._text)
