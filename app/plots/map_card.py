"""The card with the heat map: the measure, its colours, and the step of the run."""

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout

from app.plots.color_bar import ColorBar
from app.plots.heat_map import HeatMap
from app.rank_source import RankSource
from app.style.theme import Theme
from app.widgets.buttons import icon_button
from app.widgets.cards import Card
from app.widgets.controls import ComboBox
from app.widgets.grid_geometry import Cell
from app.widgets.legend import Key, Legend
from app.widgets.step_slider import StepSlider
from core.models.info import ModuleGrid, locate
from core.ranks import AdapterSpectra
from core.ranks.measures import MAP_MEASURES, MapMeasure, values


class MapCard(Card):
    """Shows one measure of all modules and lets one of them be chosen.

    Signals:
        selected: (str) Name of the module that the user has chosen.
    """

    selected = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__("Layers × modules")
        self._spectra: AdapterSpectra | None = None
        self._grid = ModuleGrid(())
        self._names: dict[Cell, str] = {}
        self._limits: tuple[float, float] | None = None
        self.header.removeWidget(self.caption)
        self.caption.deleteLater()
        self._measures = dict(MAP_MEASURES)
        self.measure = ComboBox([(m.key, m.title) for m in MAP_MEASURES.values()])
        self.measure.setAccessibleName("Measure of the heat map")
        self.measure.setObjectName("measure")
        self.measure.changed.connect(self._on_measure)
        self.bar = ColorBar(theme)
        self.fit = icon_button("maximize-2", "Fit the colours to the values", theme=theme)
        self.fit.clicked.connect(self._on_fit)
        self.map = HeatMap(theme)
        self.map.selected.connect(lambda *cell: self.selected.emit(self._names[cell]))
        self.slider = StepSlider(theme)
        self.header.addWidget(self.measure)
        self.header.addStretch(1)
        self.header.addWidget(self.bar)
        self.header.addWidget(self.fit)
        keys = (Key("not adapted", "cell", "track"), Key("zero", "hatched", "border"))
        foot = QHBoxLayout()
        foot.setSpacing(16)
        foot.addWidget(self.slider, 1)
        foot.addStretch(0)
        foot.addWidget(Legend(*keys, theme=theme), 0, Qt.AlignmentFlag.AlignVCenter)
        self.body.addWidget(self.map)
        self.body.addLayout(foot)
        self.body.addStretch(1)

    def show_spectra(self, spectra: AdapterSpectra, grid: ModuleGrid, *, live: bool) -> None:
        """Show other spectra; while a run is live the colours keep their meaning."""
        same = self._spectra is not None and self._spectra.by_name.keys() == spectra.by_name.keys()
        self._spectra, self._grid = spectra, grid
        self._names = {}
        for module in spectra.modules:
            place = locate(module.name)
            if place is not None:
                self._names.setdefault((place[1], place[0]), module.name)
        if not (same or live):
            self._limits = None
        self._draw()

    def offer(self, measured: Mapping[str, MapMeasure]) -> None:
        """Offer what was measured with the model beside what spectra alone tell."""
        self._measures = {**MAP_MEASURES, **measured}
        self.measure.set_options([(m.key, m.title) for m in self._measures.values()])
        self._draw()

    def show_steps(self, source: RankSource) -> None:
        """Offer the steps of the run; an adapter from the disk has none."""
        self.slider.setVisible(bool(source.steps))
        self.slider.show_steps(source.steps, source.step, source.best_step)

    def select(self, name: str) -> None:
        """Mark the cell of a module."""
        for cell, other in self._names.items():
            if other == name:
                self.map.select(cell)

    def _draw(self) -> None:
        if self._spectra is None:
            return
        measure = self._measures[self.measure.value]
        numbers = values(self._spectra, measure)
        cells = {cell: numbers[name] for cell, name in self._names.items() if name in numbers}
        shown = [number for number in cells.values() if number > 0]
        if shown and (self._limits is None or self._limits[1] == 0):
            self._limits = (min(shown), max(shown))
        low, high = self._limits or (0.0, 0.0)
        self.map.show_values(self._grid, cells, measure.text)
        self.map.set_range(low, high)
        self.bar.set_ends(measure.text(low), measure.text(high))
        outside = any(number < low or number > high for number in shown)
        self.fit.setVisible(outside)

    def _on_measure(self, _key: object) -> None:
        self._on_fit()

    def _on_fit(self) -> None:
        self._limits = None
        self._draw()
