"""Training and validation loss of a run, live. Importing this file imports pyqtgraph."""

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QMouseEvent

from app.plots.live_plot import LivePlot
from app.plots.run_series import RunSeries
from app.style.theme import Theme, font
from core.history import History

MOST_EPOCHS = 12


class LossPlot(LivePlot):
    """Raw and smoothed training loss, validation with markers, the best, and what is to come.

    The wheel zooms along the lower axis; a double click shows everything again.
    """

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Loss")
        self.plot.setMouseEnabled(x=True, y=False)
        self._future = pg.LinearRegionItem(movable=False, span=(0, 1))
        self._future.setZValue(-20)
        for line in self._future.lines:
            line.setPen(pg.mkPen(None))
        self.plot.addItem(self._future, ignoreBounds=True)
        self._epochs: list[pg.InfiniteLine] = []
        self._epochs_drawn = (0.0, 0)
        self._raw = self.add_curve("line_orange_raw")
        self._smooth = self.add_curve("line_orange", 2)
        self._validation = self.add_curve("line_blue", 2, dash=[5, 3])
        self._points = pg.ScatterPlotItem(symbol="d", size=8)
        self._ring = pg.ScatterPlotItem(symbol="o", size=17, brush=None)
        self._head = pg.ScatterPlotItem(symbol="o", size=8)
        self._spikes = pg.ScatterPlotItem(symbol="t", size=11, hoverable=True, tip=_spike_words)
        for item in (self._points, self._ring, self._head, self._spikes):
            self.plot.addItem(item, ignoreBounds=True)
        self._value = pg.TextItem(anchor=(0, 0.5))
        self._best = pg.TextItem(anchor=(0.5, 1.5))
        for text in (self._value, self._best):
            text.setFont(font("chip"))
            self.plot.addItem(text, ignoreBounds=True)
        self._whole = (0.0, 1.0)
        self._zoomed = False
        self._series: RunSeries | None = None
        self.plot.getViewBox().sigRangeChangedManually.connect(self._on_zoom)
        self.plot.getViewBox().sigResized.connect(self._draw_view)
        self.plot.viewport().installEventFilter(self)
        self.restyle()

    def draw(self, series: RunSeries, history: History, end: float) -> None:
        """Draw what is there; `end` is where the run will end on this axis, 0 if unknown."""
        self._series = series
        now = float(series.x[-1]) if len(series.x) else 0.0
        newest = max([now, *series.evaluations[0][-1:]])
        whole = max(end, newest * 1.02, 1e-9)
        self._whole = (-0.015 * whole, whole)  # a little room, so that step 0 can be seen
        self._future.setRegion((now, max(self._whole[1], now)))
        if not self._zoomed:
            self.plot.setXRange(*self._whole, padding=0)
        self._draw_view()
        self._draw_evaluations(series, history)
        self._draw_spikes(series)
        self._draw_head(series, now)
        self._draw_epochs(series, history)
        self._describe(series, history)

    def show_all(self) -> None:
        """Undo the zoom."""
        self._zoomed = False
        self.plot.setXRange(*self._whole, padding=0)
        self._draw_view()

    def drawn(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the raw line as it is drawn now."""
        x, y = self._raw.getData()
        return (np.empty(0), np.empty(0)) if x is None else (x, y)

    def restyle(self) -> None:
        """Take the colours of the theme."""
        self._raw.setPen(self.pen("line_orange_raw"))
        self._smooth.setPen(self.pen("line_orange", 2))
        self._validation.setPen(self.pen("line_blue", 2, dash=[5, 3]))
        self._points.setBrush(self.text_color("line_blue"))
        self._points.setPen(None)
        self._ring.setPen(self.pen("line_blue", 1.5))
        self._head.setBrush(self.text_color("line_orange"))
        self._head.setPen(None)
        self._spikes.setBrush(self.text_color("warn"))
        self._spikes.setPen(pg.mkPen(self.text_color("surface")))
        self._future.setBrush(self.text_color("sunken"))
        self._value.setColor(self.text_color("text"))
        self._best.setColor(self.text_color("text_2"))
        per_epoch, count = self._epochs_drawn
        self._forget_epochs()
        self._draw_epoch_lines(per_epoch, count)

    def _draw_view(self) -> None:
        """Draw the stretch that is in view, and fit the vertical axis to it."""
        if self._series is None:
            return
        (x0, x1), _ = self.plot.getViewBox().viewRange()
        self._raw.setData(*self._series.series["loss"].view(x0, x1, self.pixels))
        self._smooth.setData(*self._series.smooth_line(x0, x1, self.pixels))
        low_high = [*(self._series.series["loss"].limits(x0, x1) or ())]
        x, y = self._series.evaluations
        low_high += [float(v) for v in y[(x >= x0) & (x <= x1) & np.isfinite(y)]]
        if low_high:
            low, high = min(low_high), max(low_high)
            room = 0.08 * (high - low) or 0.5
            self.plot.setYRange(low - room, high + room, padding=0)

    def _draw_evaluations(self, series: RunSeries, history: History) -> None:
        x, y = series.evaluations
        self._validation.setData(x, y)
        finite = np.isfinite(y)
        self._points.setData(x[finite], y[finite])
        best = history.best
        self._ring.setVisible(best is not None)
        self._best.setVisible(best is not None and len(x) > 1)
        if best is not None:
            index = int(np.nanargmin(np.where(finite, y, np.nan)))
            self._ring.setData([x[index]], [y[index]])
            self._best.setText(f"best so far {best[1]:.3f}")
            self._best.setPos(x[index], y[index])
            at_edge = x[index] > 0.85 * self._whole[1]  # there the newest loss stands above it
            self._best.setAnchor((1.05, -0.4) if at_edge else (0.5, 1.4))

    def _draw_spikes(self, series: RunSeries) -> None:
        x, loss, times = series.spikes
        self._spikes.setData(x, loss, data=times)

    def _draw_head(self, series: RunSeries, now: float) -> None:
        smooth = series.smooth
        shown = bool(len(smooth)) and bool(np.isfinite(smooth[-1]))
        self._head.setVisible(shown)
        self._value.setVisible(shown)
        if shown:
            self._head.setData([now], [smooth[-1]])
            self._value.setText(f" {smooth[-1]:.2f}")
            self._value.setPos(now, smooth[-1])
            at_edge = now > 0.93 * self._whole[1]
            self._value.setAnchor((1.2, 1.2) if at_edge else (0, 0.5))

    def _draw_epochs(self, series: RunSeries, history: History) -> None:
        """Mark the epochs, where there are few enough to be told apart."""
        started = history.started
        per_epoch = started.steps_per_epoch if started is not None else 0.0
        count = int(self._whole[1] // per_epoch) if per_epoch and series.axis == "step" else 0
        wanted = (per_epoch, count if count <= MOST_EPOCHS else 0)
        if wanted == self._epochs_drawn:
            return
        self._forget_epochs()
        self._draw_epoch_lines(*wanted)

    def _draw_epoch_lines(self, per_epoch: float, count: int) -> None:
        self._epochs_drawn = (per_epoch, count)
        for number in range(1, count + 1):
            self._epochs.append(self._epoch_line(number, number * per_epoch))

    def _epoch_line(self, number: int, x: float) -> pg.InfiniteLine:
        line = pg.InfiniteLine(
            x,
            pen=pg.mkPen(self.text_color("line_strong"), style=Qt.PenStyle.DotLine),
            label=f"epoch {number}",
            labelOpts={"position": 0.96, "color": self.text_color("text_2"), "movable": False},
        )
        line.label.setFont(font("caption"))
        self.plot.addItem(line, ignoreBounds=True)
        return line

    def _forget_epochs(self) -> None:
        while self._epochs:
            self.plot.removeItem(self._epochs.pop())
        self._epochs_drawn = (0.0, 0)

    def _describe(self, series: RunSeries, history: History) -> None:
        smooth = series.smooth
        if not len(smooth):
            self.setAccessibleDescription("No step yet")
            return
        falling = len(smooth) > 20 and smooth[-1] < smooth[-20]
        words = f"Training loss {smooth[-1]:.2f}, {'falling' if falling else 'not falling'}"
        best = history.best
        count = len(series.spikes[0])
        words += (
            f"; {count} spikes, up to {max(series.spikes[2]):.1f} times the usual" if count else ""
        )
        words += f"; best validation loss {best[1]:.3f} at step {best[0]}" if best else ""
        self.setAccessibleDescription(words)

    def _on_zoom(self) -> None:
        self._zoomed = True
        self._draw_view()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show everything again."""
        self.show_all()


def _spike_words(x: float, y: float, data: float) -> str:
    return f"Spike: {y:.2f}, {data:.1f} times the usual loss"
