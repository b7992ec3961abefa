"""What the plots of one module's spectrum share: its curve, its null, and the k that is dragged."""

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from app.plots.plot import Floats, Plot
from app.plots.ticks import count_ticks
from app.style.theme import Theme
from core.ranks import ModuleSpectrum

GRIP = QSize(12, 24)
MAX_MARKERS = 48
"""With more components than this the points would touch each other."""
UNTRAINED = "Every singular value is zero: B has not moved yet."


class SpectrumPlot(Plot):
    """A plot over the components of one module; subclasses draw the curves.

    Signals:
        k_chosen: (int) The user has dragged or stepped k.
    """

    k_chosen = Signal(int)
    grip_at = 0.2
    """Height of the grip, as a share of the plot."""

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__(theme, name)
        self.module: ModuleSpectrum | None = None
        self.k = 0
        self._curve = pg.PlotDataItem(antialias=True)
        self._edges = [pg.PlotCurveItem(antialias=True) for _ in range(2)]
        self._fill = pg.FillBetweenItem(*self._edges)
        self._line = pg.InfiniteLine(angle=90, movable=False)
        self._grip = Grip(theme)
        self.add(*self._edges, self._fill, self._curve, self._line, self._grip)

    @property
    def first_k(self) -> int:
        """The smallest k of the axis."""
        return 1

    @property
    def last_k(self) -> int:
        """The largest k: as many as there are singular values."""
        return len(self.module.singular_values) if self.module else 1

    def show_module(self, module: ModuleSpectrum, k: int) -> None:
        """Draw the spectrum of another module."""
        self.module = module
        self.k = k
        self.redraw()

    def set_k(self, k: int) -> None:
        """Move the line."""
        self.k = k
        self._place_line()
        self._tell()

    def redraw(self) -> None:
        """Draw the module, or say why there is no curve."""
        if self.module is None:
            return
        trained = self.module.trained
        for item in self.drawn_items():
            item.setVisible(trained)
        if not trained:
            self.say_nothing(UNTRAINED)
            return
        self.hide_nothing()
        self.ticks("bottom", count_ticks(self.first_k, self.last_k))
        self.draw(self.module)
        self._place_line()
        self._tell()

    def drawn_items(self) -> list[Any]:
        """Return everything that a zero spectrum does not have."""
        return [*self._edges, self._fill, self._curve, self._line, self._grip]

    def draw(self, module: ModuleSpectrum) -> None:
        """Draw the curves and set the ranges."""
        raise NotImplementedError

    def describe(self, module: ModuleSpectrum) -> str:
        """Return the plot in words."""
        raise NotImplementedError

    # -- for subclasses ---------------------------------------------------------------------

    def curve(self, x: Floats, y: Floats) -> None:
        """Draw the spectrum: a line of 2 px, with a circle at each component if they have room."""
        symbol = "o" if len(x) <= MAX_MARKERS else None
        self._curve.setData(x, y, symbol=symbol, **self._markers())

    def band(self, x: Floats, low: Floats, high: Floats) -> None:
        """Fill between two curves in the grey of everything that is chance."""
        for item, y in zip(self._edges, (low, high), strict=True):
            item.setData(x, y)

    # -- look -------------------------------------------------------------------------------

    def restyle(self) -> None:
        """Take the colours of the theme."""
        super().restyle()
        self._curve.setPen(self.pen("line_orange"))
        self._fill.setBrush(self.faint("line_grey", 0.5))
        for edge in self._edges:
            edge.setPen(self.pen("line_grey", 1))
        self._line.setPen(self.pen("accent"))

    def _markers(self) -> dict[str, Any]:
        return {
            "symbolSize": 7,
            "symbolBrush": self._theme.color("line_orange"),
            "symbolPen": pg.mkPen(self._theme.color("surface"), width=1),
        }

    def _place_line(self) -> None:
        low, high = self.limits
        self._line.setPos(self.k)
        self._grip.setPos(self.k, low + self.grip_at * (high - low))

    def _tell(self) -> None:
        if self.module is not None and self.module.trained:
            self.setAccessibleDescription(self.describe(self.module))

    # -- choosing k -------------------------------------------------------------------------

    def press(self, x: float, y: float) -> None:
        """Put k where the pointer is."""
        self._choose(round(x))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows step k, Home and End go to its ends."""
        steps = {Qt.Key.Key_Left: self.k - 1, Qt.Key.Key_Right: self.k + 1}
        steps |= {Qt.Key.Key_Home: self.first_k, Qt.Key.Key_End: self.last_k}
        key = Qt.Key(event.key())
        if key in steps:
            self._choose(steps[key])
        else:
            super().keyPressEvent(event)

    def _choose(self, k: int) -> None:
        k = min(max(k, self.first_k), self.last_k)
        if self.module is not None and k != self.k:
            self.k_chosen.emit(k)


class Grip(QGraphicsItem):
    """The handle of the line, 12 × 24 pixels at any zoom."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIgnoresTransformations)
        self.setZValue(20)

    def boundingRect(self) -> QRectF:
        """Return the box in pixels around the position."""
        return QRectF(-GRIP.width() / 2 - 1, -GRIP.height() / 2 - 1, GRIP.width() + 2, 26)

    def paint(
        self,
        painter: QPainter,
        _option: QStyleOptionGraphicsItem,
        _widget: QWidget | None = None,
    ) -> None:
        """Draw a rounded box with two lines."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._theme.color("accent"), 1.5))
        painter.setBrush(self._theme.color("surface"))
        painter.drawRoundedRect(self.boundingRect().adjusted(1, 1, -1, -1), 4, 4)
        for x in (-2, 2):
            painter.drawLine(x, -5, x, 5)
