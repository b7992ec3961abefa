"""The look that live plots share. Importing this file imports pyqtgraph.

Curves are `PlotCurveItem`s fed from a pyramid: pyqtgraph's own downsampling loses the newest
points and blanks bins with a NaN, and is overwritten when a curve is added to a plot.
"""

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from app.style.theme import Theme, font


class LivePlot(QWidget):
    """A plot with a lower axis, horizontal grid lines and no frame."""

    def __init__(self, theme: Theme, name: str, *, ticks: bool = True) -> None:
        super().__init__()
        self.theme = theme
        self.plot = pg.PlotWidget()
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.setFrameShape(self.plot.Shape.NoFrame)
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.plot.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.plot.setAccessibleName(name)
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._ticks = ticks
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot)
        self._items: list[pg.GraphicsObject] = []
        self._style()
        theme.changed.connect(self._on_theme)

    @property
    def pixels(self) -> int:
        """Columns of pixels between the axes."""
        return max(2, int(self.plot.getViewBox().width()))

    def add_curve(self, token: str, width: float = 1, **options: object) -> pg.PlotCurveItem:
        """Add a line; one of 1 px is not antialiased, so that it stays crisp and quick."""
        curve = pg.PlotCurveItem(antialias=width > 1, connect="finite")
        curve.setPen(self.pen(token, width, **options))
        self.plot.addItem(curve, ignoreBounds=True)
        return curve

    def pen(self, token: str, width: float = 1, **options: object) -> object:
        """Return a cosmetic pen in the colour of a token."""
        return pg.mkPen(self.theme.color(token), width=width, **options)

    def set_ranges(self, x: tuple[float, float], y: tuple[float, float]) -> None:
        """Set both axes, with a little room around the values."""
        self.plot.setXRange(*x, padding=0)
        room = 0.06 * (y[1] - y[0]) or abs(y[1]) * 0.1 or 1.0
        self.plot.setYRange(y[0] - room, y[1] + room, padding=0)

    def text_color(self, token: str) -> QColor:
        """Return the colour of a token."""
        return self.theme.color(token)

    def restyle(self) -> None:
        """Give curves and marks the colours of another theme; subclasses add to it."""

    def _on_theme(self) -> None:
        self._style()
        self.restyle()

    def _style(self) -> None:
        self.plot.setBackground(self.theme.color("surface"))
        for side in ("left", "bottom"):
            axis = self.plot.getAxis(side)
            axis.setStyle(tickFont=font("caption"), tickLength=0, maxTickLevel=0)
            axis.setTextPen(self.theme.color("text_2"))
            axis.setPen(self.pen("border") if side == "bottom" else None)
            axis.enableAutoSIPrefix(False)
        left = self.plot.getAxis("left")
        left.setWidth(40)
        left.setPen(pg.mkPen(self.theme.color("surface")))
        left.setTickPen(pg.mkPen(self.theme.color("grid")))
        left.setGrid(255)
        left.setTickDensity(1.0 if self._ticks else 0.6)
        self.plot.showAxis("bottom", self._ticks)
