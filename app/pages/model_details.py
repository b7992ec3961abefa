"""What is inside the chosen model, read from its headers."""

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.style.theme import Theme
from app.widgets.cards import Card, Chip, hairline
from app.widgets.facts import Facts
from app.widgets.layer_drawing import LayerDrawing
from app.widgets.legend import Key, Legend
from app.widgets.share_bar import Part, PartsBar
from app.widgets.text import ElidedLabel, label
from app.words import file_size, percent, plural
from core.errors import UserError
from core.models.info import ModelInfo, locate

PARTS = (("Embeddings", "memory_context"), ("Attention", "frozen_text"), ("MLP", "frozen"))
FAMILY_LIMIT = 24


def parameter_parts(info: ModelInfo) -> dict[str, int]:
    """Return the parameters in embeddings (and head), attention, and the rest of the blocks."""
    sizes = dict.fromkeys((name for name, _ in PARTS), 0)
    for tensor in info.tensors:
        place = locate(tensor.name)
        if place is None:
            sizes["Embeddings"] += tensor.parameters
        else:
            sizes["Attention" if "att" in place[1] else "MLP"] += tensor.parameters
    return sizes


class ModelDetails(Card):
    """Name, chips, share of parameters, one layer to scale, facts, how it was read."""

    def __init__(self, theme: Theme) -> None:
        super().__init__("No model yet")
        self._theme = theme
        self._family = " architecture"
        self._info: ModelInfo | None = None
        self.header.removeWidget(self.caption)
        self.caption.hide()
        self.name = ElidedLabel("", "title")
        self.title.hide()
        self.checked = Chip("Headers checked", "ok", "check", theme=theme)
        self.header.addWidget(self.name, 1)
        self.header.addWidget(self.checked)
        self.chips = QHBoxLayout()
        self.chips.setSpacing(6)
        self.problem = label("", "body", "warn", wrap=True)
        self.body.addLayout(self.chips)
        self.body.addWidget(self.problem)
        self.content = QWidget()
        self._fill()
        self.body.addWidget(self.content)
        self.body.addStretch(1)
        self.read = self.foot("")

    def show_model(self, info: ModelInfo | None, error: UserError | None) -> None:
        """Show a model, or why there is none."""
        self.name.set_full_text(info.name if info else "No model")
        self.checked.setVisible(info is not None)
        self.content.setVisible(info is not None)
        self.problem.setVisible(error is not None)
        if error is not None:
            self.problem.setText(f"{error.message} {error.hint}".strip())
        self._info = info
        self._show_chips(info)
        self.read.setText("")
        if info is not None:
            self._show_shares(info)
            self._show_facts(info)
            notes = " ".join(info.notes)
            how = f"Read from headers in {info.read_ms:.0f} ms. Weights not loaded yet."
            self.read.setText(f"{how} {notes}".strip())

    def set_tight(self, tight: bool) -> None:
        """Leave the drawing of a layer out where there is no room."""
        self.checked.set_text("Checked" if tight else "Headers checked")
        self._family = "" if tight else " architecture"
        self._show_chips(self._info)
        self.layer_title.setVisible(not tight)
        self.layer.setVisible(not tight)

    def _fill(self) -> None:
        layout = QVBoxLayout(self.content)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(8)
        self.count = label("", "card")
        frozen = label("all frozen", "caption", "muted")
        head = QHBoxLayout()
        head.addWidget(self.count, 1)
        head.addWidget(frozen)
        self.bar = PartsBar(self._theme, "Where the parameters are")
        self.legend = Legend(theme=self._theme)
        self.layer_title = label("", "small", "muted")
        self.layer = LayerDrawing(self._theme)
        self.facts = Facts()
        layout.addLayout(head)
        layout.addWidget(self.bar)
        layout.addWidget(self.legend)
        layout.addSpacing(4)
        layout.addWidget(self.layer_title)
        layout.addWidget(self.layer)
        layout.addWidget(hairline())
        layout.addWidget(self.facts)

    def _show_chips(self, info: ModelInfo | None) -> None:
        while (item := self.chips.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        if info is None:
            return
        self.chips.addWidget(
            Chip(info.architecture.family[:FAMILY_LIMIT] + self._family, theme=self._theme)
        )
        self.chips.addWidget(Chip(info.dtype.lower(), theme=self._theme))
        template = ("chat template", "fact", "message-square")
        missing = ("no chat template", "warn", "triangle-alert")
        text, tone, icon = template if info.has_chat_template else missing
        self.chips.addWidget(Chip(text, tone, icon, theme=self._theme))
        if info.kind == "starter" and self._family:
            self.chips.addWidget(Chip("starter", "state", theme=self._theme))
        self.chips.addStretch(1)

    def _show_shares(self, info: ModelInfo) -> None:
        sizes = parameter_parts(info)
        total = sum(sizes.values()) or 1
        self.count.setText(plural(info.parameters, "parameter"))
        self.bar.show_parts(tuple(Part(name, sizes[name], token) for name, token in PARTS))
        self.legend.set_keys(
            *(Key(f"{name} {percent(sizes[name] / total)}", "square", t) for name, t in PARTS)
        )
        grid = info.grid
        kinds = (
            [
                (kind, grid.cells[kind, grid.layers[0]][0])
                for kind in grid.kinds
                if (kind, grid.layers[0]) in grid.cells
            ]
            if grid.layers
            else []
        )
        self.layer.show_matrices(tuple((kind, module.shape) for kind, module in kinds))
        self.layer_title.setText(
            f"One of {plural(len(grid.layers), 'layer')} · matrices to scale, out × in"
        )

    def _show_facts(self, info: ModelInfo) -> None:
        a = info.architecture
        self.facts.show_fact("Layers · hidden size", f"{a.layers} · {a.hidden_size:,}")
        self.facts.show_fact("Heads", f"{a.heads} query, {a.kv_heads} key-value")
        self.facts.show_fact("Vocabulary", f"{a.vocab_size:,}")
        self.facts.show_fact("Context length", f"{a.context_length:,} tokens")
        self.facts.show_fact("Licence", info.licence or "not stated")
        disk = file_size(info.disk_bytes) if info.disk_bytes else "not downloaded"
        self.facts.show_fact("Weights", f"{plural(len(info.tensors), 'tensor')}, {disk}")
