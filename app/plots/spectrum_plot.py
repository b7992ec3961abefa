"""What the plots of one module's spectrum share: look, axes, and the k that the user drags.

The only curves of the Ranks page; importing this file imports pyqtgraph.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import (
    QGraphicsItem,
    QSizePolicy,
    QStyleOptionGraphicsItem,
    QVBoxLayout,
    QWidget,
)

from app.style.theme import Theme, font
from core.ranks import ModuleSpectrum

Floats = NDArray[np.float64]
GRIP = QSize(12, 24)
MAX_MARKERS = 48
"""With more components than this the points would touch each other."""


class SpectrumPlot(QWidget):
    """A plot over the components of one module; subclasses draw the curves.

    Signals:
        k_chosen: (int) The user has dragged or stepped k.
    """

    k_chosen = Signal(int)
    grip_at = 0.2
    """Height of the grip, as a share of the plot."""

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__()
        self._theme = theme
        self._name = name
        self.module: ModuleSpectrum | None = None
        self.k = 0
        self._limits = (0.0, 1.0)
        self.plot = pg.PlotWidget()
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.setFrameShape(self.plot.Shape.NoFrame)
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        # Its own hint is 640 × 480, which would make every page scroll.
        self.plot.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.plot.viewport().installEventFilter(self)
        self._curve = pg.PlotDataItem(antialias=True)
        self._edges = [pg.PlotCurveItem(antialias=True) for _ in range(2)]
        self._fill = pg.FillBetweenItem(*self._edges)
        self._line = pg.InfiniteLine(angle=90, movable=False)
        self._grip = Grip(theme)
        self._nothing = pg.TextItem(
            "Every singular value is zero: B has not moved yet.", anchor=(0.5, 0.5)
        )
        for item in (*self._edges, self._fill, self._curve):
            self.plot.addItem(item)
        for item in (self._line, self._grip, self._nothing):
            self.plot.addItem(item, ignoreBounds=True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(220, 150)
        self.setAccessibleName(name)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot)
        theme.changed.connect(self._on_theme)
        self.restyle()

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
        self._nothing.setVisible(not trained)
        self.ticks("bottom", self.component_ticks())
        if trained:
            self.draw(self.module)
            self._place_line()
        else:
            self.set_ranges((self.first_k, self.last_k), (0, 1))
            self.ticks("left", [])
            self._nothing.setPos((self.first_k + self.last_k) / 2, 0.5)
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

    def rows(self) -> list[tuple[str, ...]]:
        """Return the values behind the plot as a table, its head first."""
        raise NotImplementedError

    # -- for subclasses ---------------------------------------------------------------------

    def set_ranges(self, x: tuple[float, float], y: tuple[float, float]) -> None:
        """Fix both axes; nothing moves them but another module."""
        margin = 0.025 * (x[1] - x[0]) + 0.05
        self._limits = y
        self.plot.setXRange(x[0] - margin, x[1] + margin, padding=0)
        self.plot.setYRange(*y, padding=0)

    def curve(self, x: Floats, y: Floats) -> None:
        """Draw the spectrum: a line of 2 px, with a circle at each component if they have room."""
        symbol = "o" if len(x) <= MAX_MARKERS else None
        self._curve.setData(x, y, symbol=symbol, **self._markers())

    def band(self, x: Floats, low: Floats, high: Floats) -> None:
        """Fill between two curves in the grey of everything that is chance."""
        for item, y in zip(self._edges, (low, high), strict=True):
            item.setData(x, y)

    def ticks(self, side: str, marks: Iterable[tuple[float, str]]) -> None:
        """Write these ticks on an axis."""
        self.plot.getAxis(side).setTicks([list(marks)])

    def component_ticks(self) -> list[tuple[float, str]]:
        """Return three to six round ticks over the components, with both ends."""
        last = self.last_k
        step = max(1, next(s for s in (1, 2, 4, 8, 16, 32, 64, 128, 256, 1024) if s * 5 >= last))
        inner = [k for k in range(step, last, step) if last - k > step / 2]
        return [(k, str(k)) for k in dict.fromkeys([self.first_k, *inner, last])]

    # -- look -------------------------------------------------------------------------------

    def restyle(self) -> None:
        """Take the colours of the theme."""
        color = self._theme.color
        self.plot.setBackground(color("surface"))
        self._curve.setPen(pg.mkPen(color("line_orange"), width=2))
        fill = color("line_grey")
        fill.setAlphaF(0.5)
        self._fill.setBrush(fill)
        for edge in self._edges:
            edge.setPen(pg.mkPen(color("line_grey"), width=1))
        self._line.setPen(pg.mkPen(color("accent"), width=2))
        self._nothing.setColor(color("text_2"))
        self._nothing.setFont(font("small"))
        self._style_axes()

    def _markers(self) -> dict[str, Any]:
        return {
            "symbolSize": 7,
            "symbolBrush": self._theme.color("line_orange"),
            "symbolPen": pg.mkPen(self._theme.color("surface"), width=1),
        }

    def _on_theme(self) -> None:
        self.restyle()
        self.redraw()

    def _style_axes(self) -> None:
        left, bottom = self.plot.getAxis("left"), self.plot.getAxis("bottom")
        for axis in (left, bottom):
            axis.setStyle(tickFont=font("caption"), tickTextOffset=6)
            axis.setTextPen(self._theme.color("text_2"))
        left.setWidth(40)
        left.setPen(pg.mkPen(None))
        left.setTickPen(pg.mkPen(self._theme.color("grid"), width=1))
        left.setGrid(255)
        left.setZValue(-100)  # the lines of the grid lie under the data
        bottom.setPen(self._theme.color("border"))
        bottom.setTickPen(self._theme.color("border"))
        bottom.setStyle(tickLength=-4)

    def _place_line(self) -> None:
        low, high = self._limits
        self._line.setPos(self.k)
        self._grip.setPos(self.k, low + self.grip_at * (high - low))

    def _tell(self) -> None:
        if self.module is not None:
            empty = "Every singular value is zero."
            words = self.describe(self.module) if self.module.trained else empty
            self.setAccessibleDescription(words)

    # -- choosing k -------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let the left button put k where the pointer is, and the wheel scroll the page."""
        if event.type() == QEvent.Type.Wheel:
            event.ignore()
            return True
        kinds = (QEvent.Type.MouseButtonPress, QEvent.Type.MouseMove)
        if isinstance(event, QMouseEvent) and event.type() in kinds:
            if event.buttons() & Qt.MouseButton.LeftButton:
                scene = self.plot.mapToScene(event.position().toPoint())
                self._choose(round(self.plot.getViewBox().mapSceneToView(scene).x()))
            return True
        return super().eventFilter(watched, event)

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
