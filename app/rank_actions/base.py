"""What every action of the Ranks page is: a button in the bar, and a panel that opens below it."""

from typing import ClassVar

from app.rank_views.base import RankView
from app.widgets.cards import Card


class RankAction(RankView):
    """Leads from what is seen to something that is done.

    Subclasses fill `card` in `build`. They write nothing before a button of the panel is pressed,
    and never over what was there.

    Attributes:
        icon: Lucide name for the button.
        card: The panel.
    """

    icon: ClassVar[str]

    def button_text(self) -> str:
        """Return the text of the button, with the present k where it depends on it."""
        return f"{self.title}…"

    def make_card(self, caption: str = "") -> Card:
        """Make the panel."""
        self.card = Card(self.title, caption)
        self.row.addWidget(self.card)
        return self.card
