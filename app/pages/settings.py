"""The Settings page: how the window and this computer behave; never how a run trains."""

from typing import Any, ClassVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout

from app.pages.base import Page
from app.widgets.cards import Card
from app.widgets.controls import CheckBox, ComboBox, Segmented
from app.widgets.text import label
from core.paths import config_dir, models_dir, runs_dir

TEXT_SIZES = (0.9, 1.0, 1.1, 1.25, 1.5)
FORM_WIDTH = 420
"""Forms do not grow with the window."""


class SettingsPage(Page):
    """Theme, text size, motion, sleep, and where things are kept."""

    name: ClassVar[str] = "settings"
    title: ClassVar[str] = "Settings"
    sentence: ClassVar[str] = (
        "How the window looks and what it may do. What a run does is set on its own pages."
    )
    icon: ClassVar[str] = "settings"
    place: ClassVar[str] = "foot"

    def build(self) -> None:
        """Make the cards."""
        for card in (self._look(), self._training(), self._places()):
            card.setMaximumWidth(720)
            self.body.addWidget(card)
        self.body.addStretch(1)

    def _look(self) -> Card:
        theme, preferences = self.context.theme, self.context.preferences
        card = Card("Look")
        choices = [("system", "As the system"), ("light", "Light"), ("dark", "Dark")]
        self.theme_choice = Segmented(choices, theme=theme, name="Theme")
        self.theme_choice.set_value(preferences.theme)
        self.theme_choice.setFixedWidth(FORM_WIDTH)
        self.theme_choice.changed.connect(self._on_theme)
        self.text_size = ComboBox([(size, f"{size:.0%}") for size in TEXT_SIZES])
        self.text_size.setAccessibleName("Text size")
        self.text_size.set_value(_nearest(preferences.text_scale))
        self.text_size.setFixedWidth(120)
        self.text_size.changed.connect(self._on_text_size)
        self.still = CheckBox("Reduce motion")
        self.still.set_value(preferences.reduce_motion)
        self.still.changed.connect(self._on_motion)
        body: QVBoxLayout = card.body
        left = Qt.AlignmentFlag.AlignLeft
        body.addWidget(label("Theme", "label"))
        body.addWidget(self.theme_choice, 0, left)
        body.addSpacing(8)
        body.addWidget(label("Text size", "label"))
        body.addWidget(self.text_size, 0, left)
        body.addSpacing(8)
        body.addWidget(self.still)
        body.addWidget(label("Nothing turns or slides; plots still follow the run.", tone="muted"))
        return card

    def _training(self) -> Card:
        card = Card("While training")
        self.awake = CheckBox("Keep this computer awake")
        self.awake.set_value(self.context.preferences.keep_awake)
        self.awake.changed.connect(self._on_awake)
        words = (
            "Left alone, a computer falls asleep in the middle of a long run, and training waits "
            "until it wakes up. Kept awake, it runs through to the end of the training; the screen "
            "may still turn off. On battery, mind the charge."
        )
        card.body.addWidget(self.awake)
        card.body.addWidget(label(words, tone="muted", wrap=True))
        card.foot("Counts from the next start or resume. The log of the run says what came of it.")
        return card

    def _places(self) -> Card:
        card = Card("Where things are kept")
        folders = (("Runs", runs_dir()), ("Models", models_dir()), ("Settings", config_dir()))
        for name, folder in folders:
            card.body.addWidget(label(name, "label"))
            shown = label(str(folder), "small", "muted", wrap=True)
            shown.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            card.body.addWidget(shown)
        card.foot("The environment variable RANKSCOPE_HOME moves all of this into one folder.")
        return card

    def _on_theme(self, choice: Any) -> None:
        self.context.preferences.theme = choice
        self.context.theme.choose(choice)

    def _on_text_size(self, scale: float) -> None:
        self.context.preferences.text_scale = scale
        self.context.theme.set_text_scale(scale)

    def _on_motion(self, on: bool) -> None:
        self.context.preferences.reduce_motion = on
        self.context.theme.set_still(on)

    def _on_awake(self, on: bool) -> None:
        self.context.preferences.keep_awake = on


def _nearest(scale: float) -> float:
    return min(TEXT_SIZES, key=lambda size: abs(size - scale))
