"""How to learn: the settings of training, before a run and for the next one."""

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from app.session import Session
from app.style.theme import Theme
from app.widgets.cards import Card
from app.widgets.facts import Facts
from app.widgets.fields import ComboBox, FormRow, Segmented, form_row
from app.widgets.several import Several
from app.widgets.text import label
from core.trackers import TRACKERS, is_installed

GROUPS = (
    (
        "How long",
        "steps and batches",
        (
            "training.steps",
            "training.micro_batch",
            "training.accumulation",
            "training.seed",
            "training.early_stopping",
        ),
    ),
    (
        "How fast",
        "learning rate and its course",
        (
            "training.learning_rate",
            "training.schedule",
            "training.warmup",
            "training.decay_share",
            "training.max_gradient_norm",
        ),
    ),
    (
        "How it is kept in check",
        "evaluation and checkpoints",
        (
            "training.evaluate_every",
            "training.checkpoint_every",
            "training.keep_checkpoints",
            "training.samples",
            "training.sample_tokens",
        ),
    ),
)
MACHINE = ("training.optimizer", "training.gradient_checkpointing", "model.dtype")
ADVANCED = (
    "training.lora_plus",
    "training.weight_decay",
    "training.label_smoothing",
    "training.z_loss",
)
SPEED = (
    "training.packing",
    "training.keep_activations",
    "training.compile",
    "training.deterministic",
    "training.adapter_products",
    "model.attention_dtype",
)
WIDE = (
    *((0, 0, 1, 2), (0, 2, 1, 2), (0, 4, 1, 2)),
    *((1, 0, 1, 4), (2, 0, 1, 4), (3, 0, 1, 4)),
    *((1, 4, 3, 2), (4, 0, 1, 6)),
)
TIGHT = (
    *((0, 0, 1, 3), (0, 3, 1, 3), (1, 0, 1, 3)),
    *((2, 0, 1, 6), (3, 0, 1, 6), (4, 0, 1, 6)),
    *((1, 3, 1, 3), (5, 0, 1, 6)),
)
"""Row, column, rows and columns of each card."""
CHOICES = {
    "training.schedule": [
        ("cosine", "Cosine"),
        ("linear", "Linear"),
        ("constant", "Constant"),
        ("wsd", "WSD"),
    ],
    "training.optimizer": [
        ("adamw", "AdamW"),
        ("adamw8bit", "AdamW 8-bit"),
        ("paged_adamw8bit", "AdamW 8-bit, paged"),
        ("lion", "Lion"),
        ("adafactor", "Adafactor"),
        ("sgd", "SGD"),
    ],
    "training.adapter_products": [("fp32", "fp32"), ("model", "as the model")],
    "model.attention_dtype": [
        ("auto", "auto"),
        ("bf16", "bf16"),
        ("fp16", "fp16"),
        ("fp32", "fp32"),
    ],
    "model.dtype": [("auto", "auto"), ("bf16", "bf16"), ("fp16", "fp16"), ("fp32", "fp32")],
}
"""What stands in a combo box, with names for people."""


class CheckpointingField(Segmented):
    """Off, auto or all, and a number of blocks where one is set: what auto came to in a run."""

    def __init__(self, theme: Theme) -> None:
        super().__init__([("off", "Off"), ("auto", "Auto"), ("all", "All"), (1, "1")], theme=theme)
        self.set_last(1, "1", shown=False)

    def set_value(self, value: Any) -> None:
        """Choose a word or a number; there is a segment for a number only where one is set."""
        number = value if isinstance(value, int) else 1
        self.set_last(number, str(number), shown=number == value)
        super().set_value(value)


class TrainSettings(QWidget):
    """Groups of settings, those that decide memory and speed, and what comes of it all."""

    def __init__(self, session: Session, theme: Theme) -> None:
        super().__init__()
        self._session, self._theme = session, theme
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(12)
        self.rows: dict[str, FormRow] = {}
        self._cards = [self._card(*group) for group in GROUPS]
        self._cards += [
            self._card("On this machine", "memory against speed", MACHINE, 3),
            self._card("Finer points", "the defaults are good for most runs", ADVANCED, 4),
            self._card("How it is computed", "the defaults are fast and exact", SPEED, 3),
            self._outcome(),
            self._tracking(),
        ]
        layout.addLayout(self._grid)
        self._tight: bool | None = None
        self.set_tight(False)
        layout.addStretch(1)
        session.settings_changed.connect(self.refresh)
        session.data_changed.connect(self.refresh)
        session.plan_changed.connect(self._show_blocks)
        self.refresh()
        self._show_blocks()

    def set_tight(self, tight: bool) -> None:
        """Put two cards into a row instead of three in a small window."""
        if tight == self._tight:
            return
        self._tight = tight
        for card, place in zip(self._cards, TIGHT if tight else WIDE, strict=True):
            self._grid.removeWidget(card)
            self._grid.addWidget(card, *place, Qt.AlignmentFlag.AlignTop)
        for column in range(6):
            self._grid.setColumnStretch(column, 1)

    def refresh(self) -> None:
        """Compute anew what the settings come to."""
        training = self._session.settings.training
        batch = training.micro_batch * training.accumulation
        rows = batch * training.steps
        self.outcome.show_fact("Effective batch", f"{batch:,} rows")
        self.outcome.show_fact("Rows learned from", f"{training.steps:,} × {batch:,} = {rows:,}")
        data = self._session.data
        available = data["rows"] - data["held_out"] if data and data["complete"] else 0
        words = f"{rows / available:.2f} of {available:,} rows" if available else "–"
        self.outcome.show_fact("Epochs", words)
        evaluations = 1 + training.steps // training.evaluate_every
        self.outcome.show_fact("Evaluations", f"{evaluations:,}, the first at step 0")

    def _card(self, title: str, caption: str, keys: tuple[str, ...], columns: int = 2) -> Card:
        card = Card(title, caption)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12 if columns == 2 else 16)
        grid.setVerticalSpacing(12)
        for index, key in enumerate(keys):
            row = self._row(key)
            grid.addWidget(row, index // columns, index % columns, Qt.AlignmentFlag.AlignTop)
            grid.setColumnStretch(index % columns, 1)
            self.rows[key] = row
        card.body.addLayout(grid)
        return card

    def _row(self, key: str) -> FormRow:
        field: QWidget | None = ComboBox(CHOICES[key]) if key in CHOICES else None
        if key == "training.gradient_checkpointing":
            field = CheckpointingField(self._theme)
        return form_row(self._session, key, field, theme=self._theme)

    def _show_blocks(self) -> None:
        """Say how many blocks are computed twice, where that is neither none nor all."""
        wanted, plan = self._session.settings.training.gradient_checkpointing, self._session.plan
        told = plan is not None and wanted not in ("off", "all")
        words = f"{plan.checkpointed} of {plan.blocks} blocks" if plan and told else ""
        self.rows["training.gradient_checkpointing"].set_hint(words)

    def _tracking(self) -> Card:
        card = Card("Elsewhere", "the same curves in other programs")
        field = Several([(name, TRACKERS[name].title) for name in TRACKERS])
        missing = [name for name in TRACKERS if not is_installed(name)]
        for name in missing:
            command = f"pip install {TRACKERS[name].package}"
            field.set_unavailable(name, f"Not installed. To have it: {command}")
        row = form_row(self._session, "tracking.trackers", field, theme=self._theme)
        if missing:
            row.set_hint("Those in grey are not installed; point at one to see what brings it.")
        card.body.addWidget(row)
        return card

    def _outcome(self) -> Card:
        card = Card("What this comes to")
        self.outcome = Facts()
        card.body.addWidget(self.outcome)
        card.body.addWidget(label("Start is in the bar above.", "caption", "muted"))
        return card
