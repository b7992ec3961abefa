"""The Memory page: what each method needs, on this device and on others, and why."""

from functools import partial
from itertools import chain
from typing import ClassVar

from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QGridLayout

from app.amounts import gib
from app.device_words import used_words, windows_words
from app.measured import deviation, measured_peak
from app.pages.base import Page, PageContext
from app.pages.memory_cells import CellsCard
from app.slices import Slices
from app.style.theme import scaled
from app.widgets.basic import Banner, Card, button, label
from app.widgets.card_table import CardTable
from app.widgets.device_chooser import DeviceChooser, short_name
from app.widgets.explained import explain_part
from app.widgets.memory_parts import Legend
from app.widgets.memory_strip import choose_method, chosen_row
from app.widgets.peak_curve import PeakCurve
from app.widgets.plan_rows import PAGE, PlanRows
from core.memory.devices import Device
from core.memory.verdict import verdict

LENGTHS = (64, 128, 256, 512, 1024, 2048, 4096, 8192)
BATCHES = (1, 2, 4, 8, 16, 32)
SOURCES = {
    "formula": "computed by formula from the headers of the model",
    "dry-run": "traced without weights",
    "measured": "measured on this device",
}


class MemoryPage(Page):
    """Bars with a read-out line, the verdict, other cards, and the two curves that decide."""

    name: ClassVar[str] = "memory"
    title: ClassVar[str] = "Memory"
    sentence: ClassVar[str] = "What the run will need, before you spend the time."
    icon: ClassVar[str] = "memory-stick"

    def __init__(self, context: PageContext) -> None:
        super().__init__(context)
        self._narrow: bool | None = None
        self._stale = False
        self._slices = Slices(self)
        session = context.session
        session.plan_changed.connect(self._on_plan)
        context.run.phase_changed.connect(self._on_plan)

    def build(self) -> None:
        """Make the cards."""
        theme, session = self.context.theme, self.context.session
        self._device = button("", theme=theme, icon="memory-stick")
        self._chooser = DeviceChooser(session, self)
        self._chooser.chosen.connect(self._on_device)
        self._device.clicked.connect(lambda: self._chooser.open_below(self._device))
        self._device.setObjectName("memory_device")
        self.add_action(self._device)
        self.banner = Banner("info", theme=theme)
        self.rows = PlanRows(theme, partial(explain_part, session), PAGE)
        self.rows.setObjectName("memory_rows")
        self.rows.method_chosen.connect(partial(choose_method, session))
        self.rows.read_out.connect(self._say)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(12)
        self._bars, self._cards = self._bars_card(), self._cards_card()
        self.length_curve = PeakCurve(theme, session, "data.max_length", LENGTHS)
        self.batch_curve = PeakCurve(theme, session, "training.micro_batch", BATCHES)
        self._curves = [
            self._curve_card("Against length", "tokens per row", self.length_curve),
            self._curve_card("Against micro-batch", "rows at once", self.batch_curve),
        ]
        self.body.addWidget(self.banner)
        self.body.addLayout(self._grid)
        self.cells = CellsCard(session, theme)
        self.body.addWidget(self.cells)
        self.body.addStretch(1)
        self._arrange()
        self.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what changed while the page was hidden, and with what is free now."""
        super().showEvent(event)
        if not self.context.run.alive:
            self.context.session.measure_devices()
        if self._stale:
            self.refresh()

    def subtitle(self) -> str:
        """Say what the run needs, or what it measured."""
        session = self.context.session
        measured = measured_peak(session, self.context.run)
        if measured:
            return f"measured {gib(measured)} GiB"
        if session.plan is None:
            return ""
        return f"{gib(session.plan.peak_bytes)} of {gib(session.device.free_bytes)} GiB"

    def mark(self) -> str:
        """Show whether it fits."""
        session = self.context.session
        if session.plan is None:
            return ""
        answer = verdict(session.plan, session.device).answer
        return {"fits": "ok", "tight": "warn", "does not fit": "error"}[answer]

    def refresh(self) -> None:
        """Show the session's plans as they are now."""
        self._stale = False
        session = self.context.session
        device = session.device
        self._device.setText(f"{short_name(device)} · {gib(device.total_bytes, 1)} GiB")
        self._device.setAccessibleName(f"Plan for another card, now {device.name}")
        measured = measured_peak(session, self.context.run)
        self.rows.show_plans(session.plans, device, chosen_row(session), measured)
        self._bars.caption.set_full_text(f"hatched: {used_words(device)}")
        self.cells.refresh()
        curves = self.length_curve.steps(), self.batch_curve.steps()
        self._slices.run(chain(self.cards.steps(), *curves))
        self._show_verdict()
        self._say("")

    def _on_plan(self) -> None:
        self.rail_changed.emit()
        self._stale = True
        if self._built and self.isVisible():
            self.refresh()

    def _on_device(self, device: Device) -> None:
        self.context.preferences.card = device.name if device.kind == "card" else ""
        self.context.session.choose_device(device)

    def _show_verdict(self) -> None:
        session = self.context.session
        plan, device = session.plan, session.device
        if plan is None:
            self.banner.show_message(
                "Nothing to plan yet.", "Choose a model and at least one target layer.", tone="info"
            )
            return
        judged = verdict(plan, device)
        left = gib(abs(judged.left_bytes))
        if judged.answer == "does not fit":
            self.banner.show_message(
                f"{plan.label} misses by {left} GiB.", self._way_out(judged.failure), tone="danger"
            )
        elif judged.answer == "tight":
            self.banner.show_message(
                f"{plan.label} is tight: {left} GiB would be left.",
                "It may run out of memory when blocks of memory do not close up.",
                tone="warn",
            )
        else:
            self.banner.show_message(
                f"{plan.label} fits with {left} GiB to spare.", self._interval_words(), tone="ok"
            )

    def _way_out(self, failure: str) -> str:
        session = self.context.session
        fitting = [
            other
            for other in session.plans
            if other.method != "full" and verdict(other, session.device).answer == "fits"
        ]
        if fitting:
            return f"{fitting[0].label} fits; choose it below."
        if failure == "weights":
            return "The weights alone are too large for this card: choose a smaller model."
        return "The weights fit; a smaller micro-batch, shorter rows or checkpointing would help."

    def _interval_words(self) -> str:
        plan = self.context.session.plan
        if plan is None:
            return ""
        words = f"{gib(plan.low_bytes)} to {gib(plan.high_bytes)} GiB, {SOURCES[plan.source]}."
        measured = measured_peak(self.context.session, self.context.run)
        if measured:
            off = deviation(plan, self.context.run, measured)
            words = f"Measured peak {gib(measured)} GiB; the plan was off by {off}."
        return words

    def _say(self, sentence: str) -> None:
        rest = "Point at a part of a bar, or use the arrow keys, to see what it is made of."
        why = windows_words(self.context.session.device)
        self._read_out.setText(sentence or f"{rest} {why}".strip())
        self._read_out.set_tone("" if sentence else "muted")

    # -- making it --------------------------------------------------------------------------

    def _bars_card(self) -> Card:
        card = Card("Methods side by side")
        card.body.addWidget(self.rows)
        legend = Legend(self.context.theme)
        card.body.addWidget(legend)
        self._read_out = label("", "small", wrap=True)
        self._read_out.setMinimumHeight(34)
        card.body.addWidget(self._read_out)
        card.body.addStretch(1)
        return card

    def _cards_card(self) -> Card:
        card = Card("On other cards", "at these settings")
        self.cards = CardTable(self.context.theme, self.context.session)
        card.body.addWidget(self.cards)
        card.body.addStretch(1)
        return card

    def _curve_card(self, title: str, caption: str, curve: PeakCurve) -> Card:
        card = Card(title, f"peak in GiB, {caption}")
        card.body.addWidget(curve, 1)
        return card

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the cards below each other in a small window."""
        super().resizeEvent(event)
        if self._built:
            self._arrange()

    def _arrange(self) -> None:
        narrow = self.width() < scaled(1000)
        if self._narrow == narrow:
            return
        self._narrow = narrow
        length, batch = self._curves
        columns = 6
        if narrow:
            self._grid.addWidget(self._bars, 0, 0, 1, columns)
            self._grid.addWidget(length, 1, 0, 1, 3)
            self._grid.addWidget(batch, 1, 3, 1, 3)
            self._grid.addWidget(self._cards, 2, 0, 1, columns)
        else:
            self._grid.addWidget(self._bars, 0, 0, 1, 4)
            self._grid.addWidget(self._cards, 0, 4, 1, 2)
            self._grid.addWidget(length, 1, 0, 1, 3)
            self._grid.addWidget(batch, 1, 3, 1, 3)
