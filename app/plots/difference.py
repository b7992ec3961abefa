"""Two adapters over the layers: do they point the same way, and which one is larger?"""

from math import log10
from typing import Literal

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Signal

from app.plots.plot import Plot, Row
from app.plots.ticks import even_ticks, exact, log_ticks
from app.style.theme import Theme
from core.models.info import locate
from core.ranks.actions.compare import Comparison, ModuleComparison

Measure = Literal["cosine", "ratio"]


class DifferencePlot(Plot):
    """Cosine or ratio of norms by layer; the kind of the selected module as a line.

    Signals:
        module_chosen: (str) The user asks for the module of a point.
    """

    module_chosen = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Difference by layer")
        self._found: Comparison | None = None
        self._measure: Measure = "cosine"
        self._name = ""
        self._placed: list[tuple[int, float, ModuleComparison]] = []
        self._zero = pg.InfiniteLine(0, angle=0, movable=False)
        self._others = pg.ScatterPlotItem(pen=None, size=5)
        self._kind = pg.PlotDataItem(antialias=True, symbol="o", symbolSize=7)
        self._mark = pg.ScatterPlotItem(symbol="o", size=13)
        self.add(self._zero, self._others, self._kind, self._mark)
        self.restyle()

    def show_comparison(self, found: Comparison, name: str, measure: Measure) -> None:
        """Draw a comparison with one module selected."""
        self._found, self._name, self._measure = found, name, measure
        self.redraw()

    def redraw(self) -> None:
        """Draw a point per module."""
        found = self._found
        if found is None:
            return
        values = ((module, self._value(module)) for module in found.modules)
        self._placed = [
            (place[0], value, module)
            for module, value in values
            if value is not None and (place := locate(module.name)) is not None
        ]
        if not self._placed:
            self.say_nothing("No module of both adapters lies in a numbered layer.")
            return
        self.hide_nothing()
        layers = np.array([layer for layer, _, _ in self._placed], float)
        heights = np.array([value for _, value, _ in self._placed])
        low, high = (-1.05, 1.05) if self._measure == "cosine" else _around_zero(heights)
        self.set_ranges((layers.min(), max(layers.max(), layers.min() + 1)), (low, high))
        self.ticks("bottom", even_ticks(layers.min(), max(layers.max(), layers.min() + 1)))
        even = self._measure == "cosine"
        self.ticks("left", even_ticks(-1, 1, 4) if even else log_ticks(low, high))
        self._others.setData(layers, heights)
        kind = (locate(self._name) or (0, ""))[1]
        line = [(x, y) for x, y, m in self._placed if (locate(m.name) or (0, ""))[1] == kind]
        self._kind.setData(*zip(*line, strict=True)) if line else self._kind.setData([], [])
        self._mark.setData(*([v] for v in self._selected() or (np.nan, np.nan)))
        self.setAccessibleDescription(f"Over all modules the cosine is {found.cosine:.2f}.")

    def _value(self, module: ModuleComparison) -> float | None:
        if self._measure == "cosine":
            return module.cosine
        return log10(module.norm_ratio) if module.norm_ratio else None

    def _selected(self) -> tuple[float, float] | None:
        return next(((x, y) for x, y, m in self._placed if m.name == self._name), None)

    def _nearest(self, x: float, y: float) -> ModuleComparison | None:
        if not self._placed:
            return None
        height = self.limits[1] - self.limits[0]
        width = max(layer for layer, _, _ in self._placed) + 1
        return min(
            self._placed, key=lambda p: ((p[0] - x) / width) ** 2 + ((p[1] - y) / height) ** 2
        )[2]

    def press(self, x: float, y: float) -> None:
        """Go to the nearest module."""
        nearest = self._nearest(x, y)
        if nearest is not None:
            self.module_chosen.emit(nearest.name)

    def words_at(self, x: float, y: float) -> str:
        """Name the nearest module with both numbers."""
        module = self._nearest(x, y)
        if module is None:
            return ""
        ratio = f"{module.norm_ratio:.2f}" if module.norm_ratio is not None else "not defined"
        return f"{module.name}: cosine {module.cosine:.2f}, ‖ΔW₂‖/‖ΔW₁‖ {ratio}".replace("-", "−")

    def rows(self) -> list[Row]:
        """Return cosine and norms by module."""
        table: list[Row] = [("module", "cosine", "norm_1", "norm_2")]
        for module in self._found.modules if self._found is not None else ():
            table.append((module.name, *map(exact, (module.cosine, *module.norms))))
        return table

    def restyle(self) -> None:
        """Take the colours of the theme."""
        super().restyle()
        self._zero.setPen(pg.mkPen(self._theme.color("text_3"), width=1, dash=[4, 4]))
        self._others.setBrush(self.faint("line_grey", 0.45))
        self._kind.setPen(self.pen("line_orange"))
        self._kind.setSymbolBrush(self._theme.color("line_orange"))
        self._kind.setSymbolPen(pg.mkPen(self._theme.color("surface"), width=1))
        self._mark.setBrush(pg.mkBrush(None))
        self._mark.setPen(pg.mkPen(self._theme.color("accent"), width=2))


def _around_zero(values: np.ndarray) -> tuple[float, float]:
    """Return limits around all logarithms, with 0 in sight: equal norms."""
    return min(float(values.min()), 0.0) - 0.1, max(float(values.max()), 0.0) + 0.1
