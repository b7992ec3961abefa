"""The numbers of one module, each beside what chance would give."""

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from app.style.theme import Theme
from app.why import RANKS, Why
from app.widgets.buttons import IconLabel, icon_button
from app.widgets.cards import Card, Chip, hairline
from app.widgets.fields import WhyPanel, why_button
from app.widgets.text import Label, label
from core.models.info import locate
from core.ranks import ModuleSpectrum

MUCH = 0.75
"""Below this share of the null's lower end an update is called much narrower than chance."""

_ROWS = (
    ("energy_rank", "Directions for 95 %"),
    ("erank", "Effective rank (σ)"),
    ("erank_energy", "Effective rank (σ²)"),
    ("stable_rank", "Stable rank"),
    ("spectral", "Largest σ"),
    ("frobenius", "Size ‖ΔW‖"),
)


@dataclass(frozen=True)
class _Row:
    measured: Label
    random: Label


class RankTable(Card):
    """Name, shape, measured numbers and their nulls, and a sentence about them.

    Attributes:
        panel: What the numbers mean; opened by "Why?", placed by the page where it has room.

    Signals:
        stepped: (int) −1 or 1: the user asks for the previous or next module.
    """

    stepped = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__("Module")
        self.setObjectName("rank_table")
        self.shape_chip = Chip("", theme=theme)
        self.header.removeWidget(self.caption)
        self.caption.deleteLater()
        self.header.addWidget(self.shape_chip)
        self.header.addStretch(1)
        for name, verb, step in (
            ("chevron-left", "Previous module", -1),
            ("chevron-right", "Next module", 1),
        ):
            made = icon_button(name, verb, theme=theme)
            made.clicked.connect(lambda _checked=False, by=step: self.stepped.emit(by))
            made.setFixedWidth(24)
            self.header.addWidget(made)
        self._rows: dict[str, _Row] = {}
        self.body.addWidget(self._make_rows())
        self.body.addStretch(1)
        self.panel = WhyPanel(_all_whys())
        foot = QHBoxLayout()
        foot.setSpacing(8)
        self._bulb = IconLabel("lightbulb", "text_3", theme=theme, size=14)
        self.sentence = label("", "small", "muted", wrap=True)
        foot.addWidget(self._bulb, 0, Qt.AlignmentFlag.AlignTop)
        foot.addWidget(self.sentence, 1)
        foot.addWidget(
            why_button(self.panel, "the numbers of a module", theme=theme),
            0,
            Qt.AlignmentFlag.AlignTop,
        )
        self.body.addLayout(foot)

    def _make_rows(self) -> QWidget:
        table = QWidget()
        grid = QGridLayout(table)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(0, 1)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for column, head in ((1, "measured"), (2, "if random")):
            grid.addWidget(label(head, "caption", "muted"), 0, column, right)
        for index, (key, title) in enumerate(_ROWS):
            grid.addWidget(hairline(), 2 * index + 1, 0, 1, 3)
            name = label(title, "small", "muted")
            name.setToolTip(RANKS[key].what)
            if key == "frobenius":
                name.setToolTip(f"{RANKS[key].what} The random updates are scaled to it.")
            row = _Row(label("–", "label"), label("–", "small", "faint"))
            grid.addWidget(name, 2 * index + 2, 0)
            grid.addWidget(row.measured, 2 * index + 2, 1, right)
            grid.addWidget(row.random, 2 * index + 2, 2, right)
            self._rows[key] = row
        return table

    def show_module(self, module: ModuleSpectrum) -> None:
        """Show another module."""
        self.title.setText(title_of(module.name))
        self.title.setToolTip(module.name)
        self.shape_chip.set_text(f"{module.shape[0]}×{module.shape[1]}")
        for key, row in self._rows.items():
            measured, low, high = _numbers(module, key)
            row.measured.setText(measured)
            row.random.setText(low if low == high else f"{low} – {high}")
        if not module.trained:
            for row in self._rows.values():
                row.random.setText("–")
        self._rows["frobenius"].random.setText("–")
        self.sentence.setText(sentence_about(module))
        self.setAccessibleDescription(f"{module.name}. {self.sentence.text()}")

    def text(self, key: str) -> tuple[str, str]:
        """Return what a row shows: measured, if random."""
        row = self._rows[key]
        return row.measured.text(), row.random.text()


def title_of(name: str) -> str:
    """Return a module's name for people: "Layer 12 · up_proj"."""
    place = locate(name)
    if place is None:
        return name.rsplit(".", 1)[-1]
    return f"Layer {place[0]} · {place[1].rsplit('.', 1)[-1]}"


def sentence_about(module: ModuleSpectrum) -> str:
    """Say how the effective rank compares with chance, and no more than that."""
    if not module.trained:
        return "Still zero: B has not moved from its start."
    effective = module.scalars["erank"]
    low, high = module.null.intervals["erank"]
    if effective < MUCH * low:
        return "Much narrower than chance: a few directions do most of the work."
    if effective < low:
        return "Narrower than chance: some directions do more of the work than others."
    if effective > high:
        return "More even than chance: no direction stands out."
    return "Looks like chance: a random update of this size is just as wide."


def _numbers(module: ModuleSpectrum, key: str) -> tuple[str, str, str]:
    """Return measured, low and high as text."""
    if key == "energy_rank":
        low, high = module.null.energy_rank["0.95"]
        return f"{module.energy_rank['0.95']} of {module.rank}", str(low), str(high)
    bottom, top = module.null.intervals[key]
    digits = "{:.1f}" if "rank" in key else "{:.3g}"
    return (
        digits.format(module.scalars[key]),
        digits.format(bottom),
        digits.format(top),
    )


def _all_whys() -> Why:
    lines = [f"{title}: {RANKS[key].what} {RANKS[key].effect}" for key, title in _ROWS]
    return Why(
        what=f"If random: {RANKS['null'].what}",
        effect="\n".join(lines),
        source="5 to 95 % of random updates of the same shape, rank and size.",
    )
