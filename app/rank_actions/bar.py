"""The bar that leads from what is seen to what can be done: the verdict, and its actions."""

from functools import partial

from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QSizePolicy, QVBoxLayout, QWidget

from app.pages.base import PageContext
from app.rank_actions import ACTIONS
from app.rank_actions.base import RankAction
from app.rank_desk import RankDesk
from app.rank_evidence import RankEvidence
from app.widgets.buttons import Button, IconLabel, button, icon_button
from app.widgets.tabs import Deck
from app.widgets.text import ElidedLabel, set_variant
from core.ranks.verdict import Kind, Verdict

IN_SIGHT = 3
"""So many actions have a button of their own; the others stand in the menu."""
LOOKS: dict[Kind, tuple[str, str, str]] = {
    "over-provisioned": ("ok", "circle-check", "ok"),
    "right-sized": ("ok", "circle-check", "ok"),
    "rank-limited": ("warn", "triangle-alert", "warn"),
    "no gain": ("warn", "triangle-alert", "warn"),
    "unknown": ("info", "info", "accent"),
}
"""Tone, icon and its colour by verdict."""


class ActBar(QWidget):
    """What is known of the rank, and buttons for what follows from it.

    One panel is open at a time, below the bar; its button closes it again.
    """

    def __init__(self, context: PageContext, desk: RankDesk, evidence: RankEvidence) -> None:
        super().__init__()
        self._desk, self._evidence = desk, evidence
        self._verdict: Verdict | None = None
        theme = context.theme
        self._actions = [action(context, desk, evidence) for action in ACTIONS]
        self._icon = IconLabel("gauge", "text_3", theme=theme, size=18)
        self._words = ElidedLabel("", "label")
        self._detail = ElidedLabel("", "body", "muted", sentence=True)
        self.buttons: dict[RankAction, Button] = {}
        self._more = icon_button("ellipsis", "More actions", theme=theme)
        self._menu = QMenu(self)
        self._menu.aboutToShow.connect(self._fill_menu)
        self._more.setMenu(self._menu)
        self._frame = QFrame()
        self._frame.setProperty("role", "banner")
        row = QHBoxLayout(self._frame)
        row.setContentsMargins(12, 5, 8, 5)
        row.setSpacing(8)
        row.addWidget(self._icon)
        row.addWidget(self._words)
        row.addWidget(self._detail, 1)
        for action in self._actions:
            made = button(action.button_text(), theme=theme, icon=action.icon, small=True)
            made.setObjectName(f"action_{type(action).__name__}")
            made.clicked.connect(partial(self.open, action))
            self.buttons[action] = made
            row.addWidget(made)
        row.addWidget(self._more)
        self._stack = Deck()
        for action in self._actions:
            self._stack.addWidget(action)
        self._stack.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._stack.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self._frame)
        layout.addWidget(self._stack)
        desk.spectra_changed.connect(self.refresh)
        evidence.changed.connect(self.refresh)
        desk.k_changed.connect(self._on_k)
        self.refresh()

    @property
    def opened(self) -> RankAction | None:
        """The action whose panel is open."""
        widget = self._stack.currentWidget()
        return widget if isinstance(widget, RankAction) and not self._stack.isHidden() else None

    def open(self, action: RankAction, _checked: bool = False) -> None:
        """Open the panel of an action, or close it if it is open."""
        close = self.opened is action
        self._stack.setCurrentWidget(action)
        self._stack.setVisible(not close)

    def refresh(self) -> None:
        """Say what is known now, and offer what can be done now."""
        self._say()
        offered = [action for action in self._actions if action.offered()]
        for action, made in self.buttons.items():
            first = action in offered[:1] and self._recommends
            made.set_role("primary" if first else "")
            made.setVisible(action in offered[:IN_SIGHT])
            made.setText(action.button_text())
        self._more.setVisible(len(offered) > IN_SIGHT)
        if self.opened is not None and self.opened not in offered:
            self._stack.hide()

    def _fill_menu(self) -> None:
        """Offer what has no button of its own."""
        self._menu.clear()
        for action, made in self.buttons.items():
            if made.isHidden() and action.offered():
                self._menu.addAction(action.button_text(), partial(self.open, action))

    @property
    def _recommends(self) -> bool:
        """Whether the next sensible step is the first action: to truncate."""
        verdict = self._evidence.verdict
        return verdict is not None and verdict.kind == "over-provisioned"

    def _on_k(self) -> None:
        for action, made in self.buttons.items():
            if made.isVisible():
                made.setText(action.button_text())

    def _say(self) -> None:
        verdict, spectra = self._evidence.verdict, self._desk.spectra
        if verdict is None:
            self._show("info", "gauge", "text_3")
            if spectra is not None and not spectra.trained:
                self._words.set_full_text("Nothing has changed yet.")
                self._detail.set_full_text("What can be done comes with the first steps.")
                return
            self._words.set_full_text("Which rank is enough? Not measured yet.")
            self._detail.set_full_text("See “Does it matter?” below.")
            return
        self._show(*LOOKS[verdict.kind])
        if verdict.kind == "over-provisioned":
            self._words.set_full_text(f"{verdict.k} of {verdict.rank} directions are enough.")
            self._detail.set_full_text(f"Nine of ten resamples: {verdict.low} to {verdict.high}.")
        else:
            self._words.set_full_text(f"{verdict.title}.")
            self._detail.set_full_text(verdict.sentence)
        self._frame.setToolTip(verdict.sentence)
        if verdict is not self._verdict:  # once: what it recommends is the next step
            self._verdict = verdict
            self._desk.set_k(verdict.k)

    def _show(self, tone: str, icon: str, token: str) -> None:
        self._icon.set_icon(icon, token)
        set_variant(self._frame, tone="" if icon == "gauge" else tone)
