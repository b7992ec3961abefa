"""Try: the same question to the base model and to the adapter."""

from pathlib import Path
from typing import ClassVar

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.adapter_choice import AdapterChoice, choice_of, choices
from app.assistant import Task
from app.pages.base import NARROW, Page, PageContext
from app.pages.try_prompt import PromptBox
from app.pages.try_turns import Turn, vertical_line
from app.widgets.buttons import IconLabel, button
from app.widgets.cards import Banner, Card, hairline
from app.widgets.controls import ComboBox, Segmented
from app.widgets.text import ElidedLabel, label
from core.errors import UserError
from core.events import Answer, CheckpointSaved, Event, Progress, RunEnded
from core.paths import runs_dir
from core.settings import ModelSettings

BOTH, ADAPTER_ONLY = ("base", "adapter"), ("adapter",)
GENERAL_QUESTIONS = ["What is the capital of France?", "Write one sentence about the sea."]


class TryPage(Page):
    """Turns in one table, base left and adapter right, the prompt at the foot."""

    name: ClassVar[str] = "try"
    title: ClassVar[str] = "Try"
    sentence: ClassVar[str] = "The same question to both, with the same template and settings."
    icon: ClassVar[str] = "message-square"

    def __init__(self, context: PageContext) -> None:
        super().__init__(context)
        self._choices: list[AdapterChoice] = []
        self._opened: list[AdapterChoice] = []
        self._task: Task | None = None
        self.turn: Turn | None = None
        context.run.run_changed.connect(self._refresh_choices)
        context.run.event_arrived.connect(self._on_run_event)
        context.session.data_changed.connect(self._suggest)

    # -- building ---------------------------------------------------------------------------

    def build(self) -> None:
        """Make the head, the table of turns and the prompt."""
        theme = self.context.theme
        self.mode = Segmented(
            [(BOTH, "Side by side"), (ADAPTER_ONLY, "Adapter only")],
            theme=theme,
            name="Who answers",
        )
        self.mode.set_value(BOTH)
        self.mode.changed.connect(self._on_mode)
        self.chooser = ComboBox()
        self.chooser.setObjectName("adapter_chooser")
        self.chooser.setAccessibleName("Adapter to ask")
        self.chooser.setFixedWidth(230)
        self.chooser.changed.connect(self._on_mode)
        self.open_button = button("Open adapter…", theme=theme, icon="folder-open")
        self.open_button.clicked.connect(self._on_open)
        for widget in (self.mode, self.chooser, self.open_button):
            self.add_action(widget)
        self.banner = Banner(theme=theme)
        self.prompt = PromptBox(theme)
        self.prompt.asked.connect(self.ask)
        self.prompt.stop_wanted.connect(self.stop)
        self.body.addWidget(self.banner)
        self.body.addWidget(self._table(), 1)
        self.body.addWidget(self.prompt)
        self._refresh_choices()
        self._suggest()

    def _table(self) -> Card:
        card = Card()
        card.layout().setContentsMargins(0, 0, 0, 0)  # type: ignore[union-attr]
        card.body.setSpacing(0)
        self._sides_row = QHBoxLayout()
        self._sides_row.setSpacing(0)
        self._base_head, self._base_name = self._side("snowflake", "frozen_text", "Base")
        self._adapter_head, self._adapter_name = self._side("flame", "learned_text", "With adapter")
        self._divider = vertical_line()
        for widget in (self._base_head, self._divider, self._adapter_head):
            self._sides_row.addWidget(widget, 0 if widget is self._divider else 1)
        card.body.addLayout(self._sides_row)
        card.body.addWidget(hairline())
        inner = QWidget()
        self._turns = QVBoxLayout(inner)
        self._turns.setContentsMargins(0, 0, 0, 0)
        self._turns.setSpacing(0)
        self._empty = label("", "body", "muted", wrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setContentsMargins(24, 48, 24, 48)
        self._turns.addWidget(self._empty)
        self._turns.addStretch(1)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setWidget(inner)
        self._scroll.setAccessibleName("Questions and answers")
        card.body.addWidget(self._scroll, 1)
        return card

    def _side(self, icon: str, token: str, title: str) -> tuple[QFrame, ElidedLabel]:
        head = QFrame()
        layout = QHBoxLayout(head)
        layout.setContentsMargins(16, 10, 16, 10)
        layout.setSpacing(8)
        layout.addWidget(IconLabel(icon, token, theme=self.context.theme))
        layout.addWidget(label(title, "card"))
        name = ElidedLabel("", "small", "muted")
        layout.addWidget(name, 1)
        return head, name

    # -- what there is to ask -------------------------------------------------------------------

    @property
    def choice(self) -> AdapterChoice:
        """The adapter and base that are asked."""
        index = self.chooser.value
        return self._choices[index if index is not None else 0]

    @property
    def sides(self) -> tuple[str, ...]:
        """Who answers."""
        if not self.choice.path:
            return ("base",)
        sides: tuple[str, ...] = self.mode.value
        return sides

    def _refresh_choices(self) -> None:
        if not self._built:
            self.rail_changed.emit()
            return
        chosen = self.choice.path if self._choices else None
        base = AdapterChoice("Base model only", "", self.context.session.settings.model)
        found = [*self._opened, *choices(runs_dir(), self.context.run.run)]
        self._choices = [*found, base]
        self.chooser.blockSignals(True)
        self.chooser.clear()
        for index, choice in enumerate(self._choices):
            self.chooser.addItem(choice.label, index)
        paths = [choice.path for choice in self._choices]
        keep = chosen in paths and chosen != ""
        self.chooser.setCurrentIndex(paths.index(chosen) if keep and chosen is not None else 0)
        self.chooser.blockSignals(False)
        self._on_mode()
        self.rail_changed.emit()

    def _on_mode(self, _value: object = None) -> None:
        sides = self.sides
        self.mode.setVisible(bool(self.choice.path))
        self._base_head.setVisible("base" in sides)
        self._adapter_head.setVisible("adapter" in sides)
        self._divider.setVisible(len(sides) == 2)
        self._base_name.set_full_text(_short(self.choice.model.source))
        self._adapter_name.set_full_text(self.choice.label)
        self._empty.setText(
            "Ask the base model something. When a run has trained an adapter, it answers beside it."
            if not self.choice.path
            else "Ask something: both answer, so that you see what training changed."
        )
        self._set_busy(self._task is not None)

    def _on_open(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Open an adapter", str(Path.home()))
        if folder:
            self.open_adapter(Path(folder))

    def open_adapter(self, folder: Path) -> None:
        """Offer an adapter from the disk; whether it fits the model is checked when it is asked."""
        from core.ranks import adapter_spectra, find_adapter

        try:
            place = find_adapter(folder)
            adapter_spectra(place)
        except UserError as error:
            self.banner.show_message(error.message, error.hint, tone="danger")
            return
        self.banner.hide()
        model = self.context.session.settings.model
        self._opened.insert(0, AdapterChoice(folder.name, str(place), model))
        self._refresh_choices()
        self.chooser.setCurrentIndex(0)

    def _suggest(self) -> None:
        if self._built:
            self.prompt.suggest([question for question, _ in self._held_out()] or GENERAL_QUESTIONS)
            self._fit()

    def _held_out(self) -> list[list[str]]:
        data = self.context.session.data or {}
        return [pair for pair in data.get("held_out_previews", []) if pair[0]]

    # -- asking ---------------------------------------------------------------------------------

    def ask(self, question: str) -> None:
        """Ask all sides; the answers stream into a new turn."""
        if self._task is not None:
            return
        self.banner.hide()
        self._empty.hide()
        known = dict(self._held_out())
        self.turn = Turn(question, known.get(question, ""), self.sides, self.context.theme)
        self._turns.insertWidget(self._turns.count() - 1, self.turn)
        self.prompt.field.clear()
        self._task = self.context.assistant.chat.ask(
            "chat", self._request(question), self._on_event
        )
        self._set_busy(True)
        QTimer.singleShot(0, self, self._scroll_down)

    def stop(self) -> None:
        """End the answers where they are."""
        if self._task is not None:
            self._task.stop()

    def _request(self, question: str) -> dict[str, object]:
        model: ModelSettings = self.choice.model
        return {
            "source": model.source,
            "bits": model.bits,
            "double_quant": model.double_quant,
            "adapter": self.choice.path,
            "messages": [{"role": "user", "content": question}],
            "temperature": self.prompt.temperature.value(),
            "max_tokens": self.prompt.longest.value(),
            "seed": self.prompt.seed.value(),
            "sides": self.sides,
        }

    def _on_event(self, event: Event) -> None:
        assert self.turn is not None
        match event:
            case Answer():
                self.banner.hide()
                self.turn.add(event)
                self._scroll_down()
            case Progress():
                self.banner.show_message(f"{event.message} …", tone="info")
            case RunEnded():
                self._task = None
                self._set_busy(False)
                self.turn.end("stopped" if event.outcome != "failed" else "no answer")
                self.banner.hide()
                if event.outcome not in ("finished", "stopped"):
                    self.banner.show_message(event.message, event.hint, tone="danger")

    def _set_busy(self, busy: bool) -> None:
        both = len(self.sides) == 2
        ask = "Ask both" if both else "Ask"
        self.prompt.set_busy(busy, ask)
        self.chooser.setEnabled(not busy)
        self.mode.setEnabled(not busy)

    def _scroll_down(self) -> None:
        bar = self._scroll.verticalScrollBar()
        bar.setValue(bar.maximum())

    # -- the rail -------------------------------------------------------------------------------

    def subtitle(self) -> str:
        """Say whether there is an adapter to ask."""
        run = self.context.run.run
        choice = choice_of(run) if run is not None else None
        return choice.label.split(" · ", 1)[1] if choice is not None else "base model only"

    def showEvent(self, event: QShowEvent) -> None:
        """Look again for adapters."""
        super().showEvent(event)
        self._refresh_choices()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the suggestions out in a small window."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        if self._built:
            self.prompt.set_tight(self.width() < NARROW - 100)

    def _on_run_event(self, event: Event) -> None:
        if isinstance(event, CheckpointSaved | RunEnded):
            self._refresh_choices()


def _short(source: str) -> str:
    return "starter model" if source == "starter" else Path(source).name
