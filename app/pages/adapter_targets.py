"""Where it may change: the grid of layers and modules with its presets."""

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSizePolicy

from app.session import Session
from app.style.theme import Theme
from app.widgets.buttons import Button, button
from app.widgets.cards import Card
from app.widgets.grid_geometry import Cell
from app.widgets.layer_grid import LayerGrid
from app.widgets.legend import Key, Legend
from app.widgets.text import label
from core.models.info import ModuleGrid
from core.models.targets import describe

LAST = (1, 2, 4, 8, 16, 32)


def attention_cells(grid: ModuleGrid) -> set[Cell]:
    """Return the cells of attention, by the name of the block that holds them."""
    return {cell for cell in grid.cells if "attn" in cell[0] or "attention" in cell[0]}


def last_layers(grid: ModuleGrid, count: int) -> set[Cell]:
    """Return all cells of the last `count` layers."""
    layers = set(grid.layers[-count:])
    return {cell for cell in grid.cells if cell[1] in layers}


class TargetsCard(Card):
    """Grid, presets and legend; every stroke and every preset is one change of the settings."""

    def __init__(self, session: Session, theme: Theme) -> None:
        super().__init__("Target layers")
        self._session, self._theme = session, theme
        self.grid = LayerGrid(theme)
        self.body.addWidget(self.grid)
        self.body.addLayout(self._foot())
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.presets: dict[str, Button] = {}
        for name, title in (("all", "All linear"), ("attention", "Attention"), ("mlp", "MLP")):
            self._add_preset(name, title)
        self.last = self._add_preset("last", "Last layers")
        self.last.set_icon("chevrons-up-down")
        self.last.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
        self._last_menu = QMenu(self.last)
        self._add_preset("none", "None")
        own = self._add_preset("own", "Own choice")
        own.setToolTip("Click or drag in the grid: whatever is no preset is your own choice.")
        self.grid.toggled.connect(self._on_toggled)
        session.model_changed.connect(self._on_model)
        session.settings_changed.connect(self.refresh)
        self._on_model()

    def refresh(self) -> None:
        """Follow the settings."""
        model = self._session.model
        cells: set[Cell] = set()
        if model is not None:
            modules = (model.grid.by_name[name] for name in self._session.target_names())
            cells = {(module.kind, module.layer) for module in modules}
        self.grid.set_cells(cells)
        self._count(cells)
        self._mark_preset(frozenset(cells))

    def choose(self, cells: Iterable[Cell]) -> None:
        """Target these cells: one change."""
        model = self._session.model
        if model is None:
            return
        names = [module.name for cell in cells for module in model.grid.cells[cell]]
        self._session.change({"adapter.targets": describe(names, model.grid)})

    def _foot(self) -> QHBoxLayout:
        keys = (
            Key("adapted", "cell", "cell_on", "learned"),
            Key("frozen", "hollow", "border"),
            Key("selected", "ring", "accent"),
        )
        self.count = label("", "small")
        self.count.setObjectName("target_count")
        hint = label("Click a cell, a row or a layer; drag to paint", "caption", "muted")
        foot = QHBoxLayout()
        foot.setSpacing(16)
        foot.addWidget(Legend(*keys, theme=self._theme))
        foot.addWidget(self.count)
        foot.addStretch(1)
        foot.addWidget(hint)
        return foot

    def _add_preset(self, name: str, title: str) -> Button:
        chip = button(title, theme=self._theme, role="filter")
        chip.setCheckable(True)
        chip.setObjectName(f"preset_{name}")
        chip.clicked.connect(lambda: self._on_preset(name))
        self.header.addWidget(chip)
        self.presets[name] = chip
        return chip

    def _preset_cells(self, name: str) -> set[Cell] | None:
        model = self._session.model
        if model is None:
            return None
        grid = model.grid
        return {
            "all": set(grid.cells),
            "attention": attention_cells(grid),
            "mlp": set(grid.cells) - attention_cells(grid),
            "none": set(),
        }.get(name)

    def _on_preset(self, name: str) -> None:
        if name == "last":
            self._last_menu.exec(self.last.mapToGlobal(self.last.rect().bottomLeft()))
        cells = self._preset_cells(name)
        if cells is not None:
            self.choose(cells)
        self.refresh()

    def _on_toggled(self, cells: frozenset[Cell]) -> None:
        self.choose(cells)

    def _on_model(self) -> None:
        model = self._session.model
        grid = model.grid if model is not None else ModuleGrid(())
        self.grid.show_grid(grid)
        self._last_menu.clear()
        for count in LAST:
            if count < len(grid.layers):
                action = self._last_menu.addAction(
                    f"Last {count} layers" if count > 1 else "Last layer"
                )
                action.triggered.connect(lambda _=False, n=count: self.choose(last_layers(grid, n)))
        attention = attention_cells(grid)
        self.presets["attention"].setVisible(bool(attention))
        self.presets["mlp"].setVisible(bool(attention) and len(attention) < len(grid.cells))
        for chip in self.presets.values():
            chip.setEnabled(model is not None)
        if self.grid.cursor_cell is None and grid.kinds:
            middle = grid.layers[len(grid.layers) * 2 // 5]
            kind = grid.kinds[-2] if len(grid.kinds) > 1 else grid.kinds[0]
            self.grid.select((kind, middle))
        self.refresh()

    def _count(self, cells: set[Cell]) -> None:
        model = self._session.model
        if model is None:
            self.count.setText("")
            return
        targeted = sum(len(model.grid.cells[cell]) for cell in cells)
        self.count.setText(f"{targeted:,} of {len(model.grid.modules):,} matrices")
        self.count.set_tone("" if targeted else "danger")
        if not targeted:
            self.count.setText("Nothing is adapted: choose at least one matrix")

    def _mark_preset(self, cells: frozenset[Cell]) -> None:
        found = "own"
        for name in ("mlp", "attention", "none", "all"):
            preset = self._preset_cells(name)
            if preset is not None and frozenset(preset) == cells:
                found = name
        last = self._last_count(cells)
        self.last.setText(f"Last {last} layers" if last else "Last layers")
        found = "last" if found == "own" and last else found
        for name, chip in self.presets.items():
            chip.setChecked(name == found)

    def _last_count(self, cells: frozenset[Cell]) -> int:
        """Return n where the cells are those of the last n layers, but not of all; else 0."""
        model = self._session.model
        if model is None or not cells:
            return 0
        grid = model.grid
        count = len(grid.layers) - grid.layers.index(min(layer for _, layer in cells))
        return count if count < len(grid.layers) and last_layers(grid, count) == cells else 0
