"""A small live plot with its value beside its name. Importing this file imports pyqtgraph."""

from dataclasses import dataclass

import pyqtgraph as pg
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.plots.live_plot import LivePlot
from app.plots.run_series import RunSeries
from app.style.theme import Theme
from app.widgets.text import label


@dataclass(frozen=True)
class Measure:
    """What a small plot shows.

    Attributes:
        key: Metric of the history; `factor` turns it into the unit that is drawn.
        words: Format of the value, such as "{:,.0f} tokens/s".
        marked: Loss spikes are marked on it.
    """

    key: str
    title: str
    token: str
    words: str
    factor: float = 1.0
    marked: bool = False


MEASURES = (
    Measure("learning_rate", "Learning rate", "line_plum", "{:.2f} × 10⁻⁴", 1e4),
    Measure("gradient_norm", "Gradient norm", "line_grey", "{:.2f}", marked=True),
    Measure("tokens_per_second", "Speed", "line_green", "{:,.0f} tokens/s"),
    Measure("memory_bytes", "Device memory", "line_pink", "{:.2f} GiB peak", 1 / 2**30),
)


class SmallPlot(QWidget):
    """Title, newest value, and the whole course of one metric."""

    def __init__(self, measure: Measure, theme: Theme) -> None:
        super().__init__()
        self.measure = measure
        self.value = label("–", "chip")
        self.live = LivePlot(theme, measure.title, ticks=False)
        self.live.setMinimumHeight(32)
        self._curve = self.live.add_curve(measure.token)
        self._limit = pg.InfiniteLine(angle=0, movable=False)
        self._limit.hide()
        self.live.plot.addItem(self._limit, ignoreBounds=True)
        self._marks = pg.ScatterPlotItem(symbol="t", size=8)
        self.live.plot.addItem(self._marks, ignoreBounds=True)
        self._style_marks()
        head = QHBoxLayout()
        head.addWidget(label(measure.title, "small", "muted"))
        head.addStretch(1)
        head.addWidget(self.value)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(head)
        layout.addWidget(self.live, 1)
        theme.changed.connect(self._on_theme)

    def draw(self, series: RunSeries, end: float, limit: float | None = None) -> None:
        """Draw the course up to now on an axis up to `end`, and a dashed line at `limit`."""
        pyramid = series.series[self.measure.key]
        right = max(end, float(series.x[-1]) if len(series.x) else 0.0, 1e-9)
        x, y = pyramid.view(0, right, self.live.pixels)
        self._curve.setData(x, y * self.measure.factor)
        if self.measure.marked:
            marks = series.marks[self.measure.key] * self.measure.factor
            self._marks.setData(series.spikes[0], marks)
        limits = pyramid.limits(0, right)
        top = limits[1] * self.measure.factor if limits else 1.0
        self._limit.setVisible(limit is not None)
        if limit is not None:
            self._limit.setPos(limit)
            self._limit.setPen(self.live.pen("text_3", dash=[4, 3]))
            top = max(top, limit)
        self.live.set_ranges((0.0, right), (0.0, top))
        self._show_value(series)

    def _show_value(self, series: RunSeries) -> None:
        if not len(series):
            self.value.setText("–")
            return
        newest = series.series[self.measure.key].newest * self.measure.factor
        self.value.setText(self.measure.words.format(newest))
        self.live.setAccessibleDescription(f"{self.measure.title} {self.value.text()}")

    def _style_marks(self) -> None:
        self._marks.setBrush(self.live.text_color("warn"))
        self._marks.setPen(None)

    def _on_theme(self) -> None:
        self._style_marks()
        self._curve.setPen(self.live.pen(self.measure.token))
