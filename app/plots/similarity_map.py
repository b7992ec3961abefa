"""The subspace similarity of two adapters as a picture: φ(i, j) less what chance would give."""

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Signal

from app.plots.plot import Plot, Row
from app.plots.ticks import count_ticks, exact
from app.style.theme import Theme
from core.ranks.actions.compare import ModuleComparison, Side, Subspaces

MAPS = {False: "CET-CBD1", True: "CET-D4"}
"""Diverging colour map in light and in dark; its middle is the null."""


class SimilarityMap(Plot):
    """x: the first j directions of the other adapter; y: the first i of this one.

    Signals:
        i_chosen: (int) A click asks for the k of its row.
    """

    i_chosen = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Subspace similarity")
        self._module: ModuleComparison | None = None
        self._side: Side = "inputs"
        self._image = pg.ImageItem(axisOrder="row-major")
        self.add(self._image)
        self.restyle()

    def show_module(self, module: ModuleComparison | None, side: Side) -> None:
        """Draw one module, None where the adapters do not share it."""
        self._module, self._side = module, side
        self.redraw()

    @property
    def spaces(self) -> Subspaces | None:
        """What is drawn."""
        return self._module.subspaces[self._side] if self._module is not None else None

    def redraw(self) -> None:
        """Draw the picture, or say why there is none."""
        spaces = self.spaces
        drawn = spaces is not None and spaces.similarity.size > 0
        self._image.setVisible(drawn)
        if spaces is None or not drawn:
            self.say_nothing("One of the adapters has not changed this module.")
            return
        self.hide_nothing()
        rows, columns = spaces.similarity.shape
        # Row 0 of the picture is the lowest one; i = 1 belongs at the top.
        self._image.setImage((spaces.similarity - spaces.null)[::-1], levels=(-1.0, 1.0))
        self._image.setRect(QRectF(0.5, 0.5, columns, rows))
        self.set_ranges((0.5, columns + 0.5), (0.5, rows + 0.5))
        self.ticks("bottom", count_ticks(1, columns))
        self.ticks("left", [(rows + 1 - place, text) for place, text in count_ticks(1, rows)])
        self.setAccessibleDescription(
            f"The first directions overlap by {spaces.similarity[0, 0]:.2f}, all of them by "
            f"{spaces.similarity[-1, -1]:.2f}, where chance gives {spaces.null[-1, -1]:.2f}."
        )

    def press(self, x: float, y: float) -> None:
        """Take i as the k of the page."""
        place = self._place(x, y)
        if place is not None:
            self.i_chosen.emit(place[0] + 1)

    def words_at(self, x: float, y: float) -> str:
        """Name i, j, φ and its null."""
        place, spaces = self._place(x, y), self.spaces
        if place is None or spaces is None:
            return ""
        i, j = place
        value, null = spaces.similarity[i, j], spaces.null[i, j]
        return f"φ({i + 1}, {j + 1}) = {value:.2f}, chance {null:.2f}"

    def _place(self, x: float, y: float) -> tuple[int, int] | None:
        if self.spaces is None:
            return None
        rows, columns = self.spaces.similarity.shape
        i, j = rows - round(y), round(x) - 1
        return (i, j) if 0 <= i < rows and 0 <= j < columns else None

    def rows(self) -> list[Row]:
        """Return φ and its null for every i and j."""
        table: list[Row] = [("i", "j", "similarity", "null")]
        spaces = self.spaces
        if spaces is not None:
            for (i, j), value in np.ndenumerate(spaces.similarity):
                numbers = (exact(value), exact(float(spaces.null[i, j])))
                table.append((str(i + 1), str(j + 1), *numbers))
        return table

    def restyle(self) -> None:
        """Take the colours of the theme."""
        super().restyle()
        self._image.setLookupTable(diverging(self._theme.tokens.dark))


def diverging(dark: bool) -> Any:
    """Return the diverging map as 256 colours."""
    return pg.colormap.get(MAPS[dark]).getLookupTable(0, 1, 256, alpha=False)
