"""The Help page: what a newcomer needs to know, in the order in which it is needed."""

from typing import ClassVar

from app.help_texts import GLOSSARY, KEYS, TOPICS
from app.pages.base import Page
from app.widgets.cards import Card, hairline
from app.widgets.text import label

TEXT_WIDTH = 720
"""Lines of text do not grow with the window."""


class HelpPage(Page):
    """Short answers, the keyboard, and a glossary."""

    name: ClassVar[str] = "help"
    title: ClassVar[str] = "Help"
    sentence: ClassVar[str] = "The ideas in five minutes. Every control has its own “Why?” too."
    icon: ClassVar[str] = "circle-help"
    place: ClassVar[str] = "foot"

    def build(self) -> None:
        """Make one card per subject."""
        for title, paragraphs in TOPICS:
            self._add(title, paragraphs)
        self.body.addWidget(self._pairs("Glossary", GLOSSARY))
        self.body.addWidget(self._pairs("Keyboard", KEYS))
        self.body.addStretch(1)

    def _add(self, title: str, paragraphs: tuple[str, ...]) -> None:
        card = Card(title)
        card.setMaximumWidth(TEXT_WIDTH)
        for text in paragraphs:
            card.body.addWidget(label(text, "body", wrap=True))
        self.body.addWidget(card)

    def _pairs(self, title: str, pairs: tuple[tuple[str, str], ...]) -> Card:
        card = Card(title)
        card.setMaximumWidth(TEXT_WIDTH)
        for index, (term, meaning) in enumerate(pairs):
            if index:
                card.body.addWidget(hairline())
            card.body.addWidget(label(term, "label"))
            card.body.addWidget(label(meaning, "body", "muted", wrap=True))
        return card
