"""Intruder dimensions: how like the base's directions the leading ones of the tuned matrix are."""

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Signal

from app.plots.plot import Plot, Row
from app.plots.ticks import even_ticks, exact
from app.style.theme import Theme
from core.ranks.intruders import THRESHOLD, Intruders, Verdict

LOOKS: dict[Verdict, tuple[str, str]] = {
    "no intruder": ("ok", "o"),
    "borderline": ("warn", "t1"),
    "intruder": ("danger", "x"),
}
"""Colour and marker by verdict."""


class IntruderPlot(Plot):
    """c_i with the interval that surely holds it, and the ε that is dragged.

    Signals:
        threshold_chosen: (float) The user has moved ε.
    """

    threshold_chosen = Signal(float)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Intruder dimensions")
        self._found: Intruders | None = None
        self.threshold = THRESHOLD
        self._bars = {verdict: pg.ErrorBarItem(x=np.zeros(1), y=np.zeros(1)) for verdict in LOOKS}
        self._points = {verdict: pg.ScatterPlotItem(symbol=s) for verdict, (_, s) in LOOKS.items()}
        self._line = pg.InfiniteLine(THRESHOLD, angle=0, movable=False)
        self._label = pg.TextItem("", anchor=(1, 1))
        items = (*self._bars.values(), *self._points.values())
        self.add(self._line, self._label, *items)
        self.restyle()

    def show_found(self, found: Intruders | None, threshold: float) -> None:
        """Draw one module, None where it was not measured."""
        self._found, self.threshold = found, threshold
        self.redraw()

    def redraw(self) -> None:
        """Draw intervals and ε, or say why there are none."""
        found = self._found
        items = (*self._bars.values(), *self._points.values(), self._line, self._label)
        for item in items:
            item.setVisible(found is not None)
        if found is None:
            self.say_nothing("Not measured for this module.")
            return
        self.hide_nothing()
        size = len(found.low)
        self.set_ranges((0.5, size + 0.5), (0, 1.05))
        self.ticks("bottom", [(i, str(i)) for i in range(1, size + 1)])
        self.ticks("left", even_ticks(0, 1, 4))
        verdicts = np.array(found.verdicts(self.threshold))
        middle = (found.low + found.high) / 2
        for verdict, (token, _) in LOOKS.items():
            chosen = np.flatnonzero(verdicts == verdict)
            pen = pg.mkPen(self._theme.color(token), width=3)
            heights = (found.high - found.low)[chosen]
            self._bars[verdict].setData(
                x=chosen + 1.0, y=middle[chosen], height=heights, beam=0.16, pen=pen
            )
            self._points[verdict].setData(chosen + 1.0, found.low[chosen], size=9)
        self._line.setPos(self.threshold)
        self._label.setText(f"ε = {self.threshold:.2f}")
        self._label.setPos(size + 0.5, self.threshold)
        counts = ", ".join(f"{found.count(v, self.threshold)} {v}" for v in LOOKS)
        self.setAccessibleDescription(f"Of {size} leading directions: {counts}.")

    def press(self, x: float, y: float) -> None:
        """Put ε where the pointer is, in steps of 0.01."""
        if self._found is not None:
            self.threshold_chosen.emit(min(max(round(y, 2), 0.0), 1.0))

    def words_at(self, x: float, y: float) -> str:
        """Name the direction, its σ and its interval."""
        found, index = self._found, round(x) - 1
        if found is None or not 0 <= index < len(found.low):
            return ""
        return (
            f"direction {index + 1} of W₀+ΔW (σ {found.sigma[index]:.3g}): cosine "
            f"{found.low[index]:.3f} to {found.high[index]:.3f}, "
            f"{found.verdicts(self.threshold)[index]}"
        )

    def rows(self) -> list[Row]:
        """Return the interval and the verdict of every direction."""
        table: list[Row] = [("direction", "sigma", "cosine_low", "cosine_high", "verdict")]
        found = self._found
        if found is not None:
            verdicts = found.verdicts(self.threshold)
            columns = zip(found.sigma, found.low, found.high, verdicts, strict=True)
            for index, (*numbers, verdict) in enumerate(columns, 1):
                table.append((str(index), *map(exact, numbers), verdict))
        return table

    def restyle(self) -> None:
        """Take the colours of the theme."""
        super().restyle()
        for verdict, points in self._points.items():
            points.setBrush(self._theme.color(LOOKS[verdict][0]))
            points.setPen(pg.mkPen(self._theme.color(LOOKS[verdict][0]), width=1))
        self._line.setPen(self.pen("accent"))
        self._label.setColor(self._theme.color("accent"))
