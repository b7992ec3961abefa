"""What each target costs: the table of layers × modules on the Memory page."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout

from app.amounts import with_unit
from app.plots.color_bar import ColorBar
from app.plots.cost_table import CostTable
from app.session import Session
from app.style.theme import Theme
from app.widgets.cards import Card
from app.widgets.legend import Key, Legend
from app.widgets.text import label
from app.words import plural
from core.memory.cell_cost import CellCost, CellCosts, cell_costs

PARTS = "adapter, gradients, optimizer and what is kept for them"
REST = "Point at a cell, a row or a layer, or use the arrow keys, to see what it is made of."


class CellsCard(Card):
    """The table with its colours and a read-out line; hidden where there is nothing to plan."""

    def __init__(self, session: Session, theme: Theme) -> None:
        super().__init__("What each target costs", PARTS)
        self._session = session
        self._costs: CellCosts | None = None
        self._layers: Sequence[int] = ()
        self._bar = ColorBar(theme)
        self.header.addWidget(self._bar)
        self.table = CostTable(theme, self.words)
        self.table.read_out.connect(self._say)
        self.body.addWidget(self.table)
        keys = (Key("not adapted", "cell", "track"), Key("whole layer", "square", "learned"))
        self.read_out = label(REST, "small", "muted", wrap=True)
        self.read_out.setMinimumHeight(34)
        self.read_out.setAlignment(Qt.AlignmentFlag.AlignTop)
        foot = QHBoxLayout()
        foot.setSpacing(16)
        foot.addWidget(self.read_out, 1)
        foot.addWidget(Legend(*keys, theme=theme), 0, Qt.AlignmentFlag.AlignTop)
        self.body.addLayout(foot)

    def refresh(self) -> None:
        """Follow the settings."""
        session = self._session
        self.setVisible(session.plan is not None)
        if session.plan is None or session.model is None:
            return
        self._costs = cell_costs(
            session.model, session.settings, session.plan, session.device, known=session.known()
        )
        self._layers = session.model.grid.layers
        self.caption.set_full_text(f"{session.plan.label}: {PARTS}")
        self.table.show_costs(session.model.grid, self._costs)
        self._bar.set_ends("0", with_unit(self.table.largest))

    def words(self, kinds: Sequence[str], layers: Sequence[int]) -> str:
        """Say what some modules in some layers cost as targets, or would cost."""
        if self._costs is None:
            return ""
        where = _where(kinds, layers, self._layers)
        cost = self._costs.total(kinds, layers)
        if cost.total:
            again = all(layer in self._costs.again for layer in layers)
            return f"{where}: {with_unit(cost.total)}. {_parts(cost, again=again)}"
        if len(kinds) > 1 or len(layers) > 1:
            return f"{where}: not adapted."
        other = self._costs.others.get((kinds[0], layers[0]))
        if other is None:
            return f"{where}: this layer has no such module."
        words = f"{where} is not adapted; as a target it would cost {with_unit(other.total)}."
        return f"{words} {self._reach(other, layers[0])}".strip()

    def _reach(self, cost: CellCost, layer: int) -> str:
        if self._costs is None or not cost.reach:
            return ""
        further = plural(max(1, self._costs.first_layer - layer), "more layer")
        return f"{with_unit(cost.reach)} of it because backward would go through {further}."

    def _say(self, sentence: str) -> None:
        self.read_out.setText(sentence or REST)
        self.read_out.set_tone("" if sentence else "muted")


def _where(kinds: Sequence[str], layers: Sequence[int], every: Sequence[int]) -> str:
    """Return Layer 12, up_proj; Layers 12 and 13, all modules; up_proj in all 30 layers."""
    single = len(kinds) == 1
    module = kinds[0].rsplit(".", 1)[-1] if single else "all modules"
    if len(layers) == len(every) > 1:
        return f"{module if single else 'All modules'} in all layers"
    if len(layers) == 1:
        return f"Layer {layers[0]}, {module}"
    return f"Layers {layers[0]} to {layers[-1]}, {module}"


def _parts(cost: CellCost, *, again: bool) -> str:
    kept = (
        "activations computed again" if again else f"kept activations {with_unit(cost.activations)}"
    )
    return (
        f"Adapter {with_unit(cost.adapter)}, gradients {with_unit(cost.gradients)}, "
        f"optimizer {with_unit(cost.optimizer)}, {kept}."
    )
