"""The spectrum of one module over the steps of a run, as a picture: step × component."""

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Signal

from app.plots.colors import viridis
from app.plots.course_plot import WAITING
from app.plots.plot import Floats, Plot, Row
from app.plots.ticks import count_ticks, even_ticks, exact
from app.style.theme import Theme

COLUMNS = 600
DECADES = 3.0
"""The colours end so far below the largest σ; what is smaller is as dark."""


class ComponentImage(Plot):
    """log σ_i at every step, the strongest component on top.

    Attributes:
        reading: Whether more steps will come.

    Signals:
        step_chosen: (int) The user asks for the spectra of a step.
    """

    step_chosen = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Components over training")
        self.reading = True
        self._steps: list[int] = []
        self._sigma = np.zeros((0, 1))
        self._at = -1
        self._image = pg.ImageItem(axisOrder="row-major")
        self._image.setLookupTable(_table())
        self._shown = pg.InfiniteLine(angle=90, movable=False)
        self.add(self._image, self._shown)
        self.restyle()
        self.redraw()

    @property
    def ends(self) -> tuple[float, float]:
        """The σ at the ends of the colours; 0 and 0 where all are zero."""
        top = float(self._sigma.max(initial=0.0))
        found = self._sigma[self._sigma > 0]
        return (max(float(found.min()), top * 10**-DECADES), top) if len(found) else (0.0, 0.0)

    def show_spectra(self, steps: list[int], sigma: Floats, shown: int) -> None:
        """Draw σ (steps, components) and mark the step that the page shows."""
        self._steps, self._sigma, self._at = steps, sigma, shown
        self.redraw()

    def redraw(self) -> None:
        """Draw the picture, or say what is missing."""
        low, high = self.ends
        drawn = len(self._steps) > 1 and high > 0
        self._image.setVisible(drawn)
        self._shown.setVisible(drawn)
        if not drawn:
            self.say_nothing(WAITING[self.reading])
            return
        self.hide_nothing()
        first, last = self._steps[0], self._steps[-1]
        places = np.linspace(first, last, COLUMNS)
        columns = np.searchsorted(self._steps, places, side="right") - 1
        # Row 0 of the image is the lowest one, and there the last component belongs.
        picture = np.log10(np.maximum(self._sigma[columns, ::-1].T, low))
        self._image.setImage(
            picture, levels=(np.log10(low), max(np.log10(high), np.log10(low) + 1e-9))
        )
        size = self._sigma.shape[1]
        self._image.setRect(QRectF(first, 0.5, last - first, size))
        self.set_ranges((first, last), (0.5, size + 0.5))
        self.ticks("bottom", even_ticks(first, last))
        self.ticks("left", [(size + 1 - place, text) for place, text in count_ticks(1, size)])
        self._shown.setPos(self._at)
        self.setAccessibleDescription(
            f"{size} singular values over {len(self._steps)} steps, the largest {high:.3g}."
        )

    def press(self, x: float, y: float) -> None:
        """Go to the nearest step."""
        if len(self._steps) > 1:
            self.step_chosen.emit(min(self._steps, key=lambda step: abs(step - x)))

    def words_at(self, x: float, y: float) -> str:
        """Name step, component and σ."""
        size = self._sigma.shape[1]
        component = size + 1 - round(y)
        if len(self._steps) < 2 or not 1 <= component <= size:
            return ""
        index = max(int(np.searchsorted(self._steps, x, side="right")) - 1, 0)
        value = self._sigma[index, component - 1]
        return f"step {self._steps[index]:,}: σ{component} = {value:.3g}"

    def rows(self) -> list[Row]:
        """Return σ by step, a column per component."""
        head = ("step", *(f"sigma_{i}" for i in range(1, self._sigma.shape[1] + 1)))
        table = zip(self._steps, self._sigma, strict=True)
        return [head, *((str(step), *map(exact, row)) for step, row in table)]

    def restyle(self) -> None:
        """Take the colours of the theme."""
        super().restyle()
        self._shown.setPen(self.pen("accent"))


def _table() -> NDArray[np.ubyte]:
    """Return viridis as 256 colours for pyqtgraph, (256, 3)."""
    colors = (viridis(share) for share in np.linspace(0, 1, 256))
    return np.array([(c.red(), c.green(), c.blue()) for c in colors], np.ubyte)
