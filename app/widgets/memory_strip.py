"""The memory strip at the foot of the window: what the run will need, on every page."""

from functools import partial

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.amounts import gib, interval
from app.device_words import free_words, used_words, windows_words
from app.measured import deviation, measured_peak
from app.preferences import Preferences
from app.run_controller import RunController
from app.session import Session
from app.style.theme import Theme, scaled
from app.widgets.buttons import Button, IconLabel, button, icon_button
from app.widgets.device_chooser import DeviceChooser, short_name
from app.widgets.explained import explain_part
from app.widgets.memory_parts import FoldedBar, Legend
from app.widgets.plan_rows import ANSWERS, PlanRows
from app.widgets.rail import WIDE
from app.widgets.text import ElidedLabel, label
from core.memory.devices import Device
from core.memory.methods import method_of
from core.memory.plan import MemoryPlan
from core.memory.verdict import judge

OPEN, FOLDED = 120, 40
"""Heights in pixels."""


def chosen_row(session: Session) -> int:
    """Return which of the session's plans is that of the settings, -1 without plans."""
    wanted = method_of(session.settings.model)
    for index, plan in enumerate(session.plans):
        same = (plan.bits, plan.double_quant) == (wanted.bits, wanted.double_quant)
        if same and plan.method == wanted.name:
            return index
    return -1


def choose_method(session: Session, plan: MemoryPlan) -> None:
    """Take over the precision of a plan."""
    changes: dict[str, object] = {"model.bits": plan.bits}
    if plan.bits == 4:
        changes["model.double_quant"] = plan.double_quant
    session.change(changes)


class MemoryStrip(QFrame):
    """Open: five methods on one scale. Folded: the chosen one.

    Signals:
        fold_wanted: The user wants it open (True) or folded (False).
        page_wanted: The user asked for the page of this name.
        fit_wanted: The user wants the run changed so that it fits.
    """

    fold_wanted = Signal(bool)
    fit_wanted = Signal()
    page_wanted = Signal(str)

    def __init__(
        self, theme: Theme, session: Session, run: RunController, preferences: Preferences
    ) -> None:
        super().__init__()
        self._theme, self._session, self._run = theme, session, run
        self._preferences = preferences
        self.setProperty("ground", "surface")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Memory plan")
        self.chooser = DeviceChooser(session, self)
        self.chooser.chosen.connect(self._on_device)
        self.fit_buttons = (self._make_fit(), self._make_fit())
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self._make_open())
        self._stack.addWidget(self._make_folded())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 1, 0, 0)
        layout.addWidget(self._stack)
        for signal in (session.plan_changed, session.model_changed, run.run_changed):
            signal.connect(self.refresh)
        run.phase_changed.connect(self.refresh)
        run.event_arrived.connect(self._on_event)
        theme.changed.connect(self._on_theme)
        self.set_open(True)
        self.refresh()

    @property
    def is_open(self) -> bool:
        """Whether all methods are shown."""
        return self._stack.currentIndex() == 0

    def set_open(self, opened: bool) -> None:
        """Show all methods, or the chosen one alone."""
        self._stack.setCurrentIndex(0 if opened else 1)
        self.setFixedHeight(scaled(OPEN if opened else FOLDED))

    def _on_theme(self) -> None:
        self.set_open(self.is_open)
        self.refresh()

    def set_narrow(self, narrow: bool) -> None:
        """Take less room for the card in a small window."""
        self._card.setFixedWidth(150 if narrow else WIDE)
        self._details.setVisible(not narrow)
        self._folded_device.setFixedWidth(140 if narrow else 168)

    # -- what it shows ----------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the session's plans as they are now."""
        session = self._session
        device, chosen = session.device, chosen_row(session)
        measured = measured_peak(session, self._run)
        self.rows.show_plans(session.plans, device, chosen, measured)
        name = short_name(device)
        for shown in (self._device_name, self._folded_device):
            shown.set_full_text(name)
        self._device_free.set_full_text(free_words(device))
        self._card.setToolTip(f"{used_words(device)}. {windows_words(device)}".strip())
        self._change.set_full_text(session.last_change)
        has_plan = session.plan is not None
        self._empty.setVisible(not has_plan)
        self.rows.setVisible(has_plan)
        self.legend.setVisible(has_plan)
        plan = session.plan
        for wanted in self.fit_buttons:
            wanted.setVisible(plan is not None and judge(plan, device) != "fits")
        self._refresh_folded(measured)

    def _measured_words(self, plan: MemoryPlan, measured: int) -> str:
        if not measured:
            return ""
        return f"measured {gib(measured)}, {deviation(plan, self._run, measured)}"

    def _refresh_folded(self, measured: int) -> None:
        plan, device = self._session.plan, self._session.device
        self._folded_bar.show_plan(plan, device, measured)
        if plan is None:
            self._folded_method.setText("Choose a model to see what it needs")
            for shown in (self._folded_total, self._folded_spread, self._folded_verdict):
                shown.setText("")
            self._folded_mark.set_icon("", "text_2")
            return
        icon, token, words = ANSWERS[judge(plan, device)]
        self._folded_method.setText(plan.label)
        self._folded_total.setText(f"{gib(plan.peak_bytes)} GiB")
        self._folded_spread.setText(interval(plan))
        self._folded_mark.set_icon(icon, token)
        self._folded_verdict.setText(words)
        self._folded_verdict.set_tone(token)
        self._folded_note.set_full_text(
            self._measured_words(plan, measured) or self._session.last_change
        )

    def _on_event(self, _event: object) -> None:
        if self._run.history.version % 5 == 0:
            self.refresh()

    def _on_device(self, device: Device) -> None:
        self._preferences.card = device.name if device.kind == "card" else ""
        self._session.choose_device(device)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the upper edge."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.fillRect(QRectF(0, 0, self.width(), 1), self._theme.color("line"))
        if self.is_open:
            x = self._card.width()
            painter.setPen(self._theme.color("line"))
            painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))
        painter.end()

    # -- making it --------------------------------------------------------------------------

    def _make_open(self) -> QWidget:
        page = QWidget()
        self._card = self._make_card()
        self.rows = PlanRows(self._theme, partial(explain_part, self._session))
        self.rows.method_chosen.connect(lambda plan: choose_method(self._session, plan))
        self.legend = Legend(self._theme)
        self.rows.read_out.connect(self.legend.say)
        self._change = ElidedLabel("", "caption", "muted")
        self._change.setObjectName("last_change")
        self._empty = label(
            "Choose a model, and every method's memory stands here side by side.", tone="muted"
        )
        foot = QHBoxLayout()
        foot.setContentsMargins(8, 0, 0, 0)
        foot.addWidget(self.legend, 3)
        foot.addWidget(self._change, 1)
        middle = QVBoxLayout()
        middle.setContentsMargins(16, 5, 0, 2)
        middle.setSpacing(1)
        middle.addWidget(self._empty)
        middle.addWidget(self.rows)
        middle.addLayout(foot)
        layout = QHBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._card)
        layout.addLayout(middle, 1)
        layout.addLayout(self._make_side())
        return page

    def _make_side(self) -> QVBoxLayout:
        self._details = button("Details", theme=self._theme, icon="maximize-2", small=True)
        self._details.clicked.connect(lambda: self.page_wanted.emit("memory"))
        fold = button("Fold", theme=self._theme, role="quiet", icon="chevron-down", small=True)
        fold.setAccessibleName("Fold memory strip")
        fold.setObjectName("fold_strip")
        fold.setToolTip("Fold memory strip (Ctrl+Shift+M)")
        fold.clicked.connect(lambda: self.fold_wanted.emit(False))
        side = QVBoxLayout()
        side.setContentsMargins(8, 8, 24, 8)
        side.setSpacing(4)
        side.addWidget(self.fit_buttons[0])
        side.addWidget(self._details)
        side.addWidget(fold)
        side.addStretch(1)
        return side

    def _make_fit(self) -> Button:
        made = button("Make it fit", theme=self._theme, small=True)
        made.setToolTip("The least harmful changes with which it fits; they can be taken back")
        made.clicked.connect(self.fit_wanted)
        made.hide()
        return made

    def _make_card(self) -> QWidget:
        card = QWidget()
        self._device_name = ElidedLabel("", "label")
        self._device_free = ElidedLabel("", "caption", "muted")
        self._choose = self._chooser_button()
        name = QHBoxLayout()
        name.setSpacing(6)
        name.addWidget(IconLabel("memory-stick", "text_2", theme=self._theme))
        name.addWidget(self._device_name, 1)
        layout = QVBoxLayout(card)
        layout.setContentsMargins(16, 8, 8, 6)
        layout.setSpacing(2)
        layout.addWidget(label("Memory plan", "caption", "muted"))
        layout.addLayout(name)
        layout.addWidget(self._device_free)
        layout.addStretch(1)
        layout.addWidget(self._choose, 0, Qt.AlignmentFlag.AlignLeft)
        return card

    def _chooser_button(self) -> Button:
        made = button("Plan for another card", theme=self._theme, role="quiet", small=True)
        made.setObjectName("choose_card")
        made.setProperty("flush", "true")
        made.clicked.connect(self._open_chooser)
        return made

    def _open_chooser(self) -> None:
        if not self._run.alive:  # or the memory of our own run would count as somebody else's
            self._session.measure_devices()
        self.chooser.open_above(self._choose)

    def _make_folded(self) -> QWidget:
        page = QWidget()
        layout = QHBoxLayout(page)
        layout.setContentsMargins(16, 0, 16, 0)
        layout.setSpacing(8)
        layout.addWidget(IconLabel("memory-stick", "text_2", theme=self._theme))
        self._folded_device = ElidedLabel("", "label")
        self._folded_method = label("", "card")
        self._folded_bar = FoldedBar(self._theme)
        self._folded_total, self._folded_spread = label("", "card"), label("", "small", "muted")
        self._folded_mark = IconLabel("", "text_2", theme=self._theme, size=14)
        self._folded_verdict = label("", "label")
        self._folded_note = ElidedLabel("", "small", "muted")
        layout.addWidget(self._folded_device)
        layout.addWidget(self._folded_method)
        layout.addSpacing(8)
        layout.addWidget(self._folded_bar, 3)
        for shown in (self._folded_total, self._folded_spread, self._folded_mark):
            layout.addWidget(shown)
        layout.addWidget(self._folded_verdict)
        layout.addWidget(self.fit_buttons[1])
        layout.addWidget(self._folded_note, 2)
        unfold = icon_button("chevron-up", "Open memory strip", theme=self._theme)
        unfold.setObjectName("open_strip")
        unfold.clicked.connect(lambda: self.fold_wanted.emit(True))
        layout.addWidget(unfold)
        return page
