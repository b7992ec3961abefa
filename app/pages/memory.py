"""The Memory page: what each method needs, on this device and on others, and why."""

from functools import partial
from itertools import chain
from typing import ClassVar

from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.amounts import gib
from app.device_words import used_words, windows_words
from app.measured import measured_peak
from app.pages.base import Page, PageContext
from app.pages.memory_cells import CellsCard
from app.run_state import RunPhase
from app.slices import Slices
from app.style.theme import scaled
from app.widgets.buttons import button
from app.widgets.card_table import CardTable
from app.widgets.cards import Card
from app.widgets.device_chooser import DeviceChooser, short_name
from app.widgets.evidence_card import EvidenceCard
from app.widgets.explained import explain_part
from app.widgets.fit_card import FitCard
from app.widgets.host_card import HostCard
from app.widgets.memory_bar import Scale
from app.widgets.memory_parts import Legend
from app.widgets.memory_strip import choose_method, chosen_row
from app.widgets.peak_curve import PeakCurve
from app.widgets.plan_rows import PAGE, PlanRows
from app.widgets.plan_source import PlanSource
from app.widgets.text import label
from app.widgets.verdict_banner import VerdictBanner
from core.memory.devices import Device
from core.memory.verdict import verdict

LENGTHS = (64, 128, 256, 512, 1024, 2048, 4096, 8192)
BATCHES = (1, 2, 4, 8, 16, 32)
SPACING = 12
"""Pixels between cards below each other."""


class MemoryPage(Page):
    """The verdict, bars with their source, what would fit, curves, other cards, and the host."""

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
        self.banner = VerdictBanner(theme, session, self.context.run)
        self.rows = PlanRows(theme, partial(explain_part, session), PAGE)
        self.rows.setObjectName("memory_rows")
        self.rows.method_chosen.connect(partial(choose_method, session))
        self.rows.read_out.connect(self._say)
        self.source = PlanSource(theme, session, self.context.exact)
        self.fit, self.host = FitCard(theme, session), HostCard(session)
        self.evidence = EvidenceCard(theme, session)
        self.length_curve = PeakCurve(theme, session, "data.max_length", LENGTHS)
        self.batch_curve = PeakCurve(theme, session, "training.micro_batch", BATCHES)
        self._curves = self._curve_cards()
        self._bars = self._bars_card()
        self._left, self._right = _column(self._bars), _column(self.fit, self.evidence, self.host)
        self._left.addStretch(1)
        self._right.addWidget(self._cards_card())
        self._columns = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._columns.setSpacing(16)
        self._columns.addLayout(self._left, 9)
        self._columns.addLayout(self._right, 5)
        self.body.addWidget(self.banner)
        self.body.addLayout(self._columns)
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
        drawn = not Scale.of(device, session.plans).enlarged
        self._bars.caption.set_full_text(f"{'hatched: ' * drawn}{used_words(device)}")
        self.cells.refresh()
        curves = self.length_curve.steps(), self.batch_curve.steps()
        self._slices.run(chain(self.cards.steps(), *curves))
        self.host.refresh()
        self.source.refresh()
        self.evidence.refresh()
        self._show_fit()
        self._say("")

    def make_it_fit(self) -> None:
        """Make all the changes that the page proposes."""
        self.fit.apply_all()

    def _show_fit(self) -> None:
        """Show what there is to change; it is the next step where Start is not."""
        fit = self.fit.refresh()
        here = self.context.session.device.kind != "card"
        ready = here and self.context.run.phase is RunPhase.READY
        self.fit.all.set_role("primary" if ready and fit is not None and fit.changes else "")
        self.banner.refresh(fit)
        self._fit_curves()

    def _on_plan(self) -> None:
        self.rail_changed.emit()
        self._stale = True
        if self._built and self.isVisible():
            self.refresh()

    def _on_device(self, device: Device) -> None:
        self.context.preferences.card = device.name if device.kind == "card" else ""
        self.context.session.choose_device(device)

    def _say(self, sentence: str) -> None:
        rest = "Point at a part of a bar, or use the arrow keys, to see what it is made of."
        why = windows_words(self.context.session.device)
        self._read_out.setText(sentence or f"{rest} {why}".strip())
        self._read_out.set_tone("" if sentence else "muted")

    # -- making it --------------------------------------------------------------------------

    def _bars_card(self) -> Card:
        card = Card("Methods side by side")
        card.header.addWidget(self.source.chip)
        card.header.addWidget(self.source.why)
        card.body.addWidget(self.rows)
        legend = Legend(self.context.theme)
        card.body.addWidget(legend)
        self._read_out = label("", "small", wrap=True)
        self._read_out.setMinimumHeight(34)
        card.body.addWidget(self._read_out)
        card.body.addWidget(self.source)
        card.body.addStretch(1)
        return card

    def _cards_card(self) -> Card:
        card = Card("On other cards", "at these settings")
        self.cards = CardTable(self.context.theme, self.context.session)
        card.body.addWidget(self.cards)
        return card

    def _curve_cards(self) -> QWidget:
        both = QWidget()
        layout = QHBoxLayout(both)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        titles = ("Against length", "Against micro-batch")
        for title, curve in zip(titles, (self.length_curve, self.batch_curve), strict=True):
            card = Card(title, "peak in GiB")
            card.body.addWidget(curve, 1)
            layout.addWidget(card, 1)
        return both

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the cards below each other in a small window."""
        super().resizeEvent(event)
        if self._built:
            self._arrange()
            self._fit_curves()

    def _arrange(self) -> None:
        narrow = self.width() < scaled(1000)
        if self._narrow == narrow:
            return
        self._narrow = narrow
        down, beside = QBoxLayout.Direction.TopToBottom, QBoxLayout.Direction.LeftToRight
        self._columns.setDirection(down if narrow else beside)
        self._columns.setSpacing(SPACING if narrow else 16)
        if narrow:
            self._right.addWidget(self._curves)
        else:
            self._left.insertWidget(1, self._curves, 10)

    def _fit_curves(self) -> None:
        """Let the curves fill what can be seen below the bars, however long the other column is."""
        above = self.banner.sizeHint().height() + self._bars.sizeHint().height() + 2 * SPACING
        room = self.scroll_area.viewport().height() - above - self.body.contentsMargins().bottom()
        self._curves.setMaximumHeight(max(self._curves.minimumSizeHint().height(), room))


def _column(*widgets: QWidget) -> QVBoxLayout:
    """Return the widgets below each other."""
    layout = QVBoxLayout()
    layout.setSpacing(SPACING)
    for widget in widgets:
        layout.addWidget(widget)
    return layout
