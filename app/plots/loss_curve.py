"""The truncation-loss plot: what the held-out loss says about every smaller rank."""

from math import log2
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Signal

from app.plots.plot import Plot, Row
from app.plots.ticks import even_ticks, exact
from app.style.theme import Theme, font
from core.ranks.curve import CurvePoint, LossCurve, Mode
from core.ranks.verdict import TOLERANCE, Verdict

LOOKS: dict[Mode, tuple[str, str, str]] = {
    "uniform": ("same k everywhere", "line_orange", "o"),
    "budget": ("shared budget", "line_blue", "d"),
    "energy": ("same energy", "line_green", "s"),
    "functional": ("use by your data", "line_plum", "t"),
}
"""Words, colour and marker of each way to leave components out."""
SHOWN_GAIN = 0.6
"""The axis ends at most where this share of the adapter's gain is lost; what is above is cut."""


class LossCurvePlot(Plot):
    """Held-out loss above that of the whole adapter, paired, ± 1 SE, over the parameters kept.

    Signals:
        k_chosen: (int) A click on the line of equal ranks: keep so many directions.
    """

    k_chosen = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Loss after truncation")
        self._curve: LossCurve | None = None
        self._verdict: Verdict | None = None
        self._band = pg.LinearRegionItem(orientation="horizontal", movable=False)
        self._zero = pg.InfiniteLine(0, angle=0, movable=False)
        self._base = pg.TextItem("", anchor=(1, 0))
        self._lines = {mode: pg.PlotDataItem(antialias=True) for mode in LOOKS}
        self._bars = {mode: pg.ErrorBarItem(x=np.zeros(1), y=np.zeros(1)) for mode in LOOKS}
        self._star = pg.ScatterPlotItem(symbol="star", size=18)
        self._words = pg.TextItem("", anchor=(0.5, 1.3))
        self._line = pg.InfiniteLine(angle=90, movable=False)
        items = (*self._bars.values(), *self._lines.values())
        self.add(self._band, self._zero, *items, self._star, self._words, self._base, self._line)
        self.restyle()

    def show_curve(self, curve: LossCurve, verdict: Verdict, k: int) -> None:
        """Draw a curve and its recommendation."""
        self._curve, self._verdict = curve, verdict
        self.redraw()
        self.set_k(k)

    def set_k(self, k: int) -> None:
        """Mark the parameters that k directions of every module have."""
        curve = self._curve
        share = k / curve.rank if curve is not None else 0.0
        self._line.setVisible(share > 0)
        if curve is not None and share > 0:
            self._line.setPos(log2(share * curve.parameters))

    def redraw(self) -> None:
        """Draw all lines."""
        curve, verdict = self._curve, self._verdict
        if curve is None or verdict is None:
            return
        known = [point.parameters for point in curve.points if point.parameters > 0]
        left, right = log2(min(known)), log2(max(known))
        worst = max(curve.increase(point).mean for point in curve.points)
        top = max(min(1.2 * worst, SHOWN_GAIN * curve.gain.mean), 4 * TOLERANCE)
        low = min(
            curve.increase(point).mean - curve.increase(point).error for point in curve.points
        )
        self.set_ranges((left, right), (min(low, -0.1 * top) - 0.02 * top, top))
        ranks = curve.line("uniform")
        self.ticks("bottom", [(log2(p.parameters), f"{p.setting:.0f}") for p in _spread(ranks)])
        self.ticks("left", [(y, f"+{t}" if y > 0 else t) for y, t in even_ticks(*self.limits, 4)])
        for mode, line in self._lines.items():
            self._draw_line(curve, mode, line)
        self._band.setRegion((self.limits[0], TOLERANCE))
        recommended = verdict.kind in ("over-provisioned", "right-sized", "rank-limited")
        self._star.setVisible(recommended)
        self._words.setVisible(recommended)
        uniform = next(point for point in ranks if point.largest == verdict.k)
        place = log2(uniform.parameters)
        self._star.setData([place], [curve.increase(uniform).mean])
        self._words.setText(f"{verdict.k} of {verdict.rank} is enough")
        # Right of the star all lines lie low; at the end of the axis there is no room.
        self._words.setAnchor((1 if place > left + 0.8 * (right - left) else 0, 1.6))
        self._words.setPos(place, curve.increase(uniform).mean)
        self._base.setText(f"base model +{curve.gain.mean:.2f} ↑")
        self._base.setPos(right, top)
        self.setAccessibleDescription(verdict.sentence)

    def _draw_line(self, curve: LossCurve, mode: Mode, line: Any) -> None:
        points = [point for point in curve.line(mode) if point.parameters > 0]
        x = np.array([log2(point.parameters) for point in points])
        estimates = [curve.increase(point) for point in points]
        y = np.array([estimate.mean for estimate in estimates])
        _, token, symbol = LOOKS[mode]
        line.setData(
            x, y, symbol=symbol, symbolSize=8, pen=self.pen(token),
            symbolBrush=self._theme.color(token), symbolPen=pg.mkPen(self._theme.color("surface")),
        )  # fmt: skip
        errors = np.array([2 * estimate.error for estimate in estimates])
        pen = pg.mkPen(self._theme.color(token), width=1)
        self._bars[mode].setData(x=x, y=y, height=errors, beam=0, pen=pen)

    def press(self, x: float, y: float) -> None:
        """Take the k of the nearest point with equal ranks."""
        if self._curve is not None:
            line = self._curve.line("uniform")
            nearest = min(line, key=lambda point: abs(log2(point.parameters) - x))
            self.k_chosen.emit(nearest.largest)

    def words_at(self, x: float, y: float) -> str:
        """Say what the nearest point of any line costs."""
        curve = self._curve
        if curve is None:
            return ""
        height = self.limits[1] - self.limits[0]
        width = self.plot.getViewBox().viewRange()[0]

        def distance(point: CurvePoint) -> float:
            across = (log2(max(point.parameters, 1)) - x) / (width[1] - width[0])
            return float(across**2 + ((curve.increase(point).mean - y) / height) ** 2)

        point = min(curve.points, key=distance)
        lost = curve.increase(point)
        return (
            f"{LOOKS[point.mode][0]}, {point.parameters:,} parameters: "
            f"{lost.mean:+.4f} ± {lost.error:.4f} nats per token".replace("-", "−")
        )

    def rows(self) -> list[Row]:
        """Return every point of every line."""
        table: list[Row] = [("mode", "setting", "parameters", "loss_increase", "standard_error")]
        curve = self._curve
        for point in curve.points if curve is not None else ():
            assert curve is not None
            lost = curve.increase(point)
            numbers = (exact(point.setting), str(point.parameters))
            table.append((point.mode, *numbers, exact(lost.mean), exact(lost.error)))
        return table

    def restyle(self) -> None:
        """Take the colours of the theme."""
        super().restyle()
        self._band.setBrush(self.faint("ok", 0.12))
        for edge in self._band.lines:
            edge.setPen(pg.mkPen(None))
        self._zero.setPen(pg.mkPen(self._theme.color("border"), width=1))
        self._star.setBrush(self._theme.color("accent"))
        self._star.setPen(pg.mkPen(self._theme.color("surface"), width=1))
        self._line.setPen(self.pen("accent", 1))
        for words, token in ((self._words, "text"), (self._base, "text_2")):
            words.setColor(self._theme.color(token))
            words.setFont(font("caption"))
            words.fill = pg.mkBrush(self._theme.color("surface"))


def _spread(points: tuple[CurvePoint, ...]) -> list[CurvePoint]:
    """Return the points at powers of two, and the last one: those have room for a number."""
    kept = [point for point in points if point.largest & (point.largest - 1) == 0]
    return kept if points[-1] in kept else [*kept, points[-1]]
