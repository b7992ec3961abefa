"""Rank allocation: what every module has now against what is proposed, the largest saving first."""

from collections.abc import Mapping

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Signal

from app.plots.plot import Plot, Row
from app.plots.ticks import even_ticks
from app.style.theme import Theme
from app.words import compact


class AllocationPlot(Plot):
    """Two bars per module, the proposed one in front of the present one.

    Signals:
        module_chosen: (str) The user asks for the module of a bar.
    """

    module_chosen = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Rank per module")
        self._now: Mapping[str, int] = {}
        self._proposed: Mapping[str, int] = {}
        self._costs: Mapping[str, int] = {}
        self._names: list[str] = []
        self._selected = ""
        self._before = pg.BarGraphItem(x=[0], height=[0], width=1)
        self._after = pg.BarGraphItem(x=[0], height=[0], width=1)
        self._mark = pg.ScatterPlotItem(symbol="t", size=10)
        self.add(self._before, self._after, self._mark)
        self.restyle()

    def show_ranks(
        self, now: Mapping[str, int], proposed: Mapping[str, int], costs: Mapping[str, int]
    ) -> None:
        """Draw ranks by module; `costs` are the parameters m + n of one direction."""
        self._now, self._proposed, self._costs = now, proposed, costs
        # sorted by the proposal, and in the order of the layers where it is the same
        self._names = sorted(now, key=lambda name: -proposed[name])
        self.redraw()

    def select(self, name: str) -> None:
        """Mark a module."""
        self._selected = name
        place = self._names.index(name) if name in self._names else None
        self._mark.setVisible(place is not None)
        if place is not None:
            height = max(self._now[name], self._proposed[name])
            self._mark.setData([place + 0.5], [height + 0.04 * self.limits[1]])

    def redraw(self) -> None:
        """Draw all bars."""
        if not self._names:
            return
        count = len(self._names)
        x = np.arange(count) + 0.5
        before = np.array([self._now[name] for name in self._names])
        after = np.array([self._proposed[name] for name in self._names])
        self.set_ranges((0, count), (0, 1.1 * max(before.max(), after.max(), 1)))
        self.ticks("left", even_ticks(0, max(before.max(), after.max(), 1), 4))
        self.ticks("bottom", even_ticks(0, count, 5))
        gap = 0.8 if count < 200 else 1.0
        self._before.setOpts(x=x, height=before, width=gap)
        self._after.setOpts(x=x, height=after, width=gap)
        self.select(self._selected)
        self.setAccessibleDescription(f"{count} modules. {self.summary}")

    @property
    def summary(self) -> str:
        """Parameters now and as proposed."""
        now, proposed = (
            sum(ranks[name] * self._costs[name] for name in self._names)
            for ranks in (self._now, self._proposed)
        )
        return f"{compact(now)} → {compact(proposed)} parameters ({proposed / max(now, 1):.0%})"

    def press(self, x: float, y: float) -> None:
        """Go to the module under the pointer."""
        if 0 <= x < len(self._names):
            self.module_chosen.emit(self._names[int(x)])

    def words_at(self, x: float, y: float) -> str:
        """Name the module with both ranks."""
        if not 0 <= x < len(self._names):
            return ""
        name = self._names[int(x)]
        return f"{name}: {self._now[name]} → {self._proposed[name]}"

    def rows(self) -> list[Row]:
        """Return both ranks by module."""
        table: list[Row] = [("module", "rank", "proposed", "parameters_per_direction")]
        for name in self._names:
            numbers = (self._now[name], self._proposed[name], self._costs[name])
            table.append((name, *map(str, numbers)))
        return table

    def restyle(self) -> None:
        """Take the colours of the theme."""
        super().restyle()
        self._before.setOpts(brush=self._theme.color("track"), pen=pg.mkPen(None))
        self._after.setOpts(brush=self._theme.color("learned"), pen=pg.mkPen(None))
        self._mark.setBrush(self._theme.color("accent"))
        self._mark.setPen(pg.mkPen(None))
