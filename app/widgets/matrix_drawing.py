"""The drawing of W + (α/r)·B·A with the real shapes of one module, to scale."""

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.style.theme import Theme, font

MIN_THICKNESS = 9
"""B and A are drawn at least so thick; how much too thick is said."""
MAX_SIDE = 200
LABEL = 18
LOW = 64
FRACTION_WIDTH = 108
DOT_WIDTH = 34


@dataclass(frozen=True)
class Shapes:
    """What is drawn: W of shape (out, inputs), B (out, rank), A (rank, inputs)."""

    out: int
    inputs: int
    rank: int
    scaling: float
    root: bool = False


@dataclass(frozen=True)
class Drawing:
    """Where the three matrices lie, in logical pixels.

    Attributes:
        thick: How many times too thick the rank is drawn; 1 means to scale.
    """

    w: QRectF
    b: QRectF
    a: QRectF
    thick: float


def lay_out(shapes: Shapes, width: float, height: float) -> Drawing:
    """Fit the matrices, all at one scale, into a box; only the rank has a least thickness."""
    names = 46  # the letters B and A and the numbers beside them
    room = max(80.0, width - FRACTION_WIDTH - DOT_WIDTH - 2 * names - 24)
    thickness = float(MIN_THICKNESS)
    scale = min(
        (height - LABEL - 6) / shapes.out,
        (room - thickness) / (2 * shapes.inputs),
        room / (2 * shapes.inputs + shapes.rank),
        MAX_SIDE / max(shapes.out, shapes.inputs),
    )
    thickness = max(thickness, shapes.rank * scale)
    w_height, w_width = max(4.0, shapes.out * scale), max(4.0, shapes.inputs * scale)
    top = LABEL + max(0.0, (height - LABEL - 6 - w_height) / 2)
    w = QRectF(8, top, w_width, w_height)
    b = QRectF(w.right() + names + FRACTION_WIDTH, top, thickness, w_height)
    middle = top + w_height / 2
    a = QRectF(b.right() + DOT_WIDTH + 20, middle - thickness / 2, w_width, thickness)
    return Drawing(w, b, a, thickness / (shapes.rank * scale))


class MatrixDrawing(QWidget):
    """Paints the frozen matrix, the factor and the two learned matrices."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.shapes: Shapes | None = None
        self.setAccessibleName("Drawing of the change of one matrix")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme.changed.connect(self.update)

    def show_shapes(self, shapes: Shapes | None) -> None:
        """Draw another module, or none."""
        self.shapes = shapes
        if shapes is not None:
            self.setAccessibleDescription(
                f"W is {shapes.out} by {shapes.inputs} and frozen. B is {shapes.out} by "
                f"{shapes.rank}, A is {shapes.rank} by {shapes.inputs}; both are learned."
            )
        self.update()

    @property
    def thick(self) -> float:
        """How many times too thick the rank is drawn at this size."""
        return self._drawing().thick if self.shapes else 1.0

    def sizeHint(self) -> QSize:
        """Return a comfortable size."""
        return QSize(420, 140)

    def minimumSizeHint(self) -> QSize:
        """Return the smallest size at which the letters fit."""
        return QSize(300, 110)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw everything."""
        if self.shapes is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        drawing = self._drawing()
        self._matrices(painter, drawing)
        self._factor(painter, drawing)
        self._numbers(painter, drawing, self.shapes)

    def _drawing(self) -> Drawing:
        assert self.shapes is not None
        return lay_out(self.shapes, self.width(), self.height())

    def _matrices(self, painter: QPainter, drawing: Drawing) -> None:
        painter.setPen(QPen(self._theme.color("frozen"), 1))
        painter.setBrush(self._theme.color("frozen_soft"))
        painter.drawRoundedRect(drawing.w, 2, 2)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color("learned"))
        painter.drawRoundedRect(drawing.b, 2, 2)
        painter.drawRoundedRect(drawing.a, 2, 2)
        self._letters(painter, drawing)

    def _letters(self, painter: QPainter, drawing: Drawing) -> None:
        painter.setFont(_sized(18))
        painter.setPen(self._theme.color("frozen_text"))
        painter.drawText(drawing.w.adjusted(-20, 0, 20, 0), Qt.AlignmentFlag.AlignCenter, "W")
        painter.setPen(self._theme.color("learned_text"))
        beside = QRectF(drawing.b.right() + 4, drawing.b.center().y() - 12, 22, 24)
        low = drawing.b.height() < LOW  # the number at its upper end leaves no room beside it
        painter.drawText(_below(drawing.b) if low else beside, Qt.AlignmentFlag.AlignCenter, "B")
        painter.drawText(_below(drawing.a), Qt.AlignmentFlag.AlignCenter, "A")

    def _factor(self, painter: QPainter, drawing: Drawing) -> None:
        """Draw + (α/r) between W and B, with its value."""
        assert self.shapes is not None
        middle = drawing.w.center().y()
        left = drawing.b.left() - FRACTION_WIDTH
        center = Qt.AlignmentFlag.AlignCenter
        painter.setPen(self._theme.color("text"))
        painter.setFont(_sized(16))
        painter.drawText(QRectF(left, middle - 12, 16, 24), center, "+")
        painter.setFont(_sized(14, QFont.Weight.Medium))
        painter.drawText(QRectF(left + 22, middle - 22, 24, 20), center, "α")
        painter.drawText(
            QRectF(left + 22, middle + 2, 24, 20), center, "√r" if self.shapes.root else "r"
        )
        painter.drawLine(QPointF(left + 24, middle), QPointF(left + 44, middle))
        painter.drawText(QRectF(drawing.b.right() + 26, middle - 12, 10, 24), center, "·")
        painter.setFont(font("small"))
        painter.setPen(self._theme.color("text_2"))
        value = QRectF(left + 50, middle - 10, FRACTION_WIDTH - 52, 20)
        painter.drawText(value, Qt.AlignmentFlag.AlignVCenter, f"= {self.shapes.scaling:.3g}")

    def _numbers(self, painter: QPainter, drawing: Drawing, shapes: Shapes) -> None:
        painter.setFont(font("caption"))
        painter.setPen(self._theme.color("text_2"))
        for box, wide, high in (
            (drawing.w, shapes.inputs, shapes.out),
            (drawing.b, shapes.rank, shapes.out),
            (drawing.a, shapes.inputs, shapes.rank),
        ):
            above = QRectF(box.center().x() - 40, box.top() - LABEL, 80, 16)
            painter.drawText(above, Qt.AlignmentFlag.AlignCenter, f"{wide:,}")
            number = f"{high:,}"
            advance = QFontMetricsF(font("caption")).horizontalAdvance(number)
            beside = QRectF(box.right() + 5, box.top() - 1, advance + 2, 14)
            painter.drawText(beside, Qt.AlignmentFlag.AlignLeft, number)


def _below(box: QRectF) -> QRectF:
    return QRectF(box.center().x() - 20, box.bottom() + 4, 40, 24)


def _sized(pixels: int, weight: QFont.Weight = QFont.Weight.DemiBold) -> QFont:
    made = font("card")
    made.setPixelSize(pixels)
    made.setWeight(weight)
    return made
