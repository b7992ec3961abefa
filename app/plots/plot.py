"""What every plot of the Ranks page is: axes in the look of the window, and a table behind them.

Importing this file imports pyqtgraph.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from app.style.theme import Theme, font

Floats = NDArray[np.float64]
Row = tuple[str, ...]
DASHES = {"line_blue": (7, 4), "line_plum": (2, 3), "line_pink": (10, 3, 2, 3)}
"""Each colour of a line has its own dash, so that a line is never told by colour alone."""


class Plot(QWidget):
    """A lower axis, horizontal grid lines, no frame; subclasses draw into it.

    Signals:
        read_out: (str) What lies under the pointer, in words; empty when it leaves.
    """

    read_out = Signal(str)

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__()
        self._theme = theme
        self.limits = (0.0, 1.0)
        self.plot = pg.PlotWidget()
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.setFrameShape(self.plot.Shape.NoFrame)
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        # Its own hint is 640 × 480, which would make every page scroll.
        self.plot.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.plot.viewport().installEventFilter(self)
        self.plot.viewport().setMouseTracking(True)
        self._nothing = pg.TextItem(anchor=(0.5, 0.5))
        self._nothing.hide()
        self.add(self._nothing)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(220, 130)
        self.setAccessibleName(name)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot)
        theme.changed.connect(self._on_theme)

    def rows(self) -> list[Row]:
        """Return the values behind the plot as a table, its head first."""
        raise NotImplementedError

    def as_drawing(self, drawing: bool) -> None:
        """Let markers be drawn as shapes, as a drawing needs them, instead of from pixels."""
        for item in self.plot.scene().items():
            if isinstance(item, pg.GraphicsItem):
                item.setExportMode(drawing, {"antialias": True})

    # -- for subclasses ---------------------------------------------------------------------

    def redraw(self) -> None:
        """Draw everything again, as after a change of the theme."""

    def restyle(self) -> None:
        """Take the colours of the theme; subclasses add to it."""
        self.plot.setBackground(self._theme.color("surface"))
        self._nothing.setColor(self._theme.color("text_2"))
        self._nothing.setFont(font("small"))
        self._style_axes()

    def press(self, x: float, y: float) -> None:
        """Do what a click or a drag of the left button at a place of the axes is for."""

    def words_at(self, x: float, y: float) -> str:
        """Return what lies at a place of the axes."""
        return ""

    def add(self, *items: Any) -> None:
        """Add items that do not move the axes."""
        for item in items:
            self.plot.addItem(item, ignoreBounds=True)

    def say_nothing(self, words: str) -> None:
        """Show a sentence in the middle instead of curves."""
        self._nothing.setText(words)
        self._nothing.show()
        self.set_ranges((0, 1), (0, 1))
        self._nothing.setPos(0.5, 0.5)
        self.ticks("left", [])
        self.ticks("bottom", [])
        self.setAccessibleDescription(words)

    def hide_nothing(self) -> None:
        """Take the sentence away."""
        self._nothing.hide()

    def set_ranges(self, x: tuple[float, float], y: tuple[float, float]) -> None:
        """Fix both axes; nothing moves them but other data."""
        margin = 0.025 * (x[1] - x[0]) + 1e-9
        self.limits = y
        self.plot.setXRange(x[0] - margin, x[1] + margin, padding=0)
        self.plot.setYRange(*y, padding=0)

    def ticks(self, side: str, marks: Iterable[tuple[float, str]]) -> None:
        """Write these ticks on an axis."""
        self.plot.getAxis(side).setTicks([list(marks)])

    def pen(self, token: str, width: float = 2) -> Any:
        """Return the pen of a line in the colour of a token, with the dash of that colour."""
        dash = DASHES.get(token)
        pen = pg.mkPen(self._theme.color(token), width=width)
        if dash is not None:
            pen.setDashPattern([part / width for part in dash])
        return pen

    def faint(self, token: str, share: float) -> Any:
        """Return a brush of a token that lets through what is behind it."""
        color = self._theme.color(token)
        color.setAlphaF(share)
        return pg.mkBrush(color)

    # -- look -------------------------------------------------------------------------------

    def _style_axes(self) -> None:
        left, bottom = self.plot.getAxis("left"), self.plot.getAxis("bottom")
        for axis in (left, bottom):
            axis.setStyle(tickFont=font("caption"), tickTextOffset=6)
            axis.setTextPen(self._theme.color("text_2"))
        left.setWidth(44)
        left.setPen(pg.mkPen(None))
        left.setTickPen(pg.mkPen(self._theme.color("grid"), width=1))
        left.setGrid(255)
        left.setZValue(-100)  # the lines of the grid lie under the data
        bottom.setPen(self._theme.color("border"))
        bottom.setTickPen(self._theme.color("border"))
        bottom.setStyle(tickLength=-4)

    def _on_theme(self) -> None:
        self.restyle()
        self.redraw()

    # -- pointer ----------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Pass on where the pointer is in the axes; the wheel scrolls the page."""
        kind = event.type()
        if kind == QEvent.Type.Wheel:
            event.ignore()
            return True
        if kind == QEvent.Type.Leave:
            self.read_out.emit("")
        kinds = (QEvent.Type.MouseButtonPress, QEvent.Type.MouseMove)
        if isinstance(event, QMouseEvent) and kind in kinds:
            scene = self.plot.mapToScene(event.position().toPoint())
            place = self.plot.getViewBox().mapSceneToView(scene)
            if event.buttons() & Qt.MouseButton.LeftButton:
                self.press(place.x(), place.y())
            self.read_out.emit(self.words_at(place.x(), place.y()))
            return True
        return super().eventFilter(watched, event)
