"""What is learned at one place: W + (α/r)·B·A with the real shapes of the selected cell."""

from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.session import Session
from app.style.theme import Theme, mono
from app.widgets.cards import Card
from app.widgets.facts import Facts
from app.widgets.grid_geometry import Cell
from app.widgets.matrix_drawing import MatrixDrawing, Shapes
from app.widgets.text import ElidedLabel, label
from app.words import percent
from core.adapters import ADAPTERS
from core.models.info import LinearModule

WORDS_WIDTH = 250


class DrawingCard(Card):
    """The drawing at the left, words and counts at the right."""

    def __init__(self, session: Session, theme: Theme) -> None:
        super().__init__("W + (α/r) · B · A")
        self._session = session
        self._cell: Cell | None = None
        self.module_name = ElidedLabel("", "caption", "muted")
        self.module_name.setFont(mono(11))
        self.header.removeWidget(self.caption)
        self.caption.hide()
        self.header.addWidget(self.module_name, 1)
        self.drawing = MatrixDrawing(theme)
        self.words = label("", "small", wrap=True)
        self.facts = Facts()
        self.scale = label("", "caption", "muted", wrap=True)
        line = QHBoxLayout()
        line.setSpacing(20)
        line.addWidget(self.drawing, 1)
        line.addWidget(_divider())
        line.addWidget(self._column())
        self.body.addLayout(line, 1)
        session.settings_changed.connect(self.refresh)

    def show_cell(self, kind: str, layer: int) -> None:
        """Draw another cell."""
        self._cell = (kind, layer)
        self.refresh()

    def refresh(self) -> None:
        """Follow cell and settings."""
        model = self._session.model
        modules = model.grid.cells.get(self._cell) if model and self._cell else None
        if not modules:
            self.drawing.show_shapes(None)
            self.module_name.set_full_text("")
            self.words.setText("Choose a model, then a cell: here you see what training adds.")
            return
        self._show(modules[0], len(modules))

    def _column(self) -> QWidget:
        column = QWidget()
        column.setFixedWidth(WORDS_WIDTH)
        layout = QVBoxLayout(column)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        layout.addWidget(self.words)
        layout.addWidget(self.facts)
        layout.addStretch(1)
        layout.addWidget(self.scale)
        return column

    def _show(self, module: LinearModule, experts: int) -> None:
        targets = self._session.targets()
        adapter = targets.get(module.name, self._session.settings.adapter)
        rank = min(int(getattr(adapter, "rank", 1)), min(module.shape))
        adapted = module.name in targets
        root = adapter.method == "rslora"
        self.title.setText("W + (α/√r) · B · A" if root else "W + (α/r) · B · A")
        scaling = ADAPTERS[adapter.method].scaling(adapter)
        out, inputs = module.shape
        self.drawing.show_shapes(Shapes(out, inputs, rank, scaling, root))
        more = f"  and {experts - 1} more experts" if experts > 1 else ""
        self.module_name.set_full_text(module.name + more)
        self.words.setText(_sentence(rank, adapted=adapted))
        trained = ADAPTERS[adapter.method].parameters(module.shape, adapter) if adapted else 0
        frozen = out * inputs
        self.facts.show_fact("Frozen in W", f"{frozen:,}", "frozen")
        self.facts.show_fact(
            "Trained in B and A", f"{trained:,} ({percent(trained / frozen)})", "learned"
        )
        self.facts.show_fact("Highest rank of W", f"{min(module.shape):,}")
        self.facts.show_fact("Rank of the change", f"≤ {rank:,}" if adapted else "0")
        thick = self.drawing.thick
        words = (
            f"To scale; r is drawn {thick:.1f} times too thick." if thick > 1.05 else "To scale."
        )
        self.scale.setText(words)


def _sentence(rank: int, *, adapted: bool) -> str:
    if not adapted:
        return "This matrix stays as it is: its cell in the grid is frozen. Click it to adapt it."
    return (
        "W stays as it is. Training writes only B and A. Their product has the shape of W, but at "
        f"most {rank:,} independent directions."
    )


def _divider() -> QFrame:
    line = QFrame()
    line.setProperty("role", "divider")
    line.setFixedWidth(1)
    return line
