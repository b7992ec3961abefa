"""The DoRA panel: what every layer's rows were stretched by, as ridges below each other."""

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Signal

from app.plots.plot import Plot, Row
from app.plots.ticks import even_ticks, exact
from app.style.theme import Theme
from core.models.info import locate
from core.ranks.lengths import Lengths

OVERLAP = 2.2
"""A ridge is so many times as high as the distance to the next one."""
COLUMNS = 160


class RidgelinePlot(Plot):
    """Histograms of the diagonal of D, one ridge per layer, for the kind of the selected module.

    Signals:
        module_chosen: (str) The user asks for the module of a ridge.
    """

    module_chosen = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Row lengths")
        self._shown: list[Lengths] = []
        self._name = ""
        self._ridges: list[pg.PlotCurveItem] = []
        self._one = pg.InfiniteLine(1.0, angle=90, movable=False)
        self.add(self._one)
        self.restyle()

    def show_lengths(self, lengths: dict[str, Lengths], name: str) -> None:
        """Draw all modules of the kind of `name`, which is marked."""
        kind = (locate(name) or (0, name))[1]
        same = [found for key, found in lengths.items() if (locate(key) or (0, key))[1] == kind]
        self._shown, self._name = same, name
        self.redraw()

    def redraw(self) -> None:
        """Draw the ridges, the first layer on top."""
        for ridge in self._ridges:
            self.plot.removeItem(ridge)
        self._ridges = []
        self._one.setVisible(bool(self._shown))
        if not self._shown:
            self.say_nothing("No learned lengths for this kind of module.")
            return
        self.hide_nothing()
        low, high = min(m.low for m in self._shown), max(m.high for m in self._shown)
        count = len(self._shown)
        self.set_ranges((low, high), (-0.5, count + OVERLAP - 1))
        self.ticks("bottom", even_ticks(low, high))
        every = max(1, count // 8)
        places = range(0, count, every)
        self.ticks("left", [(count - 1 - i, _layer(self._shown[i])) for i in places])
        x = np.linspace(low, high, COLUMNS)
        for index, module in enumerate(self._shown):
            self._draw_ridge(x, module, count - 1 - index)
        middle = next((m for m in self._shown if m.name == self._name), self._shown[0])
        self.setAccessibleDescription(
            f"{count} layers; in the selected one half of the row lengths changed by a factor "
            f"between {middle.quartiles[0]:.4f} and {middle.quartiles[2]:.4f}."
        )

    def _draw_ridge(self, x: np.ndarray, module: Lengths, base: float) -> None:
        bins = np.linspace(module.low, module.high, len(module.counts) + 1)
        centers = (bins[:-1] + bins[1:]) / 2
        density = np.interp(x, centers, module.counts, left=0, right=0)
        height = OVERLAP * density / max(module.counts.max(), 1)
        chosen = module.name == self._name
        ridge = pg.PlotCurveItem(x, base + height, antialias=True, fillLevel=base)
        ridge.setBrush(self.faint("line_orange", 0.55 if chosen else 0.18))
        ridge.setPen(pg.mkPen(self._theme.color("line_orange"), width=2 if chosen else 1))
        ridge.setZValue(-base)
        self._ridges.append(ridge)
        self.add(ridge)

    def _at(self, y: float) -> Lengths | None:
        index = len(self._shown) - 1 - round(y - 0.3)
        return self._shown[index] if 0 <= index < len(self._shown) else None

    def press(self, x: float, y: float) -> None:
        """Go to the module of the ridge."""
        found = self._at(y)
        if found is not None:
            self.module_chosen.emit(found.name)

    def words_at(self, x: float, y: float) -> str:
        """Name the module with the middle half of its factors."""
        found = self._at(y)
        if found is None:
            return ""
        low, middle, high = found.quartiles
        return f"{found.name}: median {middle:.4f}, middle half {low:.4f} to {high:.4f}"

    def rows(self) -> list[Row]:
        """Return quartiles and both parts of ΔW by module."""
        head = ("module", "25_percent", "median", "75_percent", "magnitude_part", "directional")
        return [
            head,
            *(
                (m.name, *map(exact, (*m.quartiles, m.magnitude_part, m.directional_part)))
                for m in self._shown
            ),
        ]

    def restyle(self) -> None:
        """Take the colours of the theme."""
        super().restyle()
        self._one.setPen(pg.mkPen(self._theme.color("text_3"), width=1, dash=[4, 4]))


def _layer(module: Lengths) -> str:
    place = locate(module.name)
    return str(place[0]) if place is not None else ""
