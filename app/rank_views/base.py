"""What every view of the Ranks page is: a tab with one or two plots."""

from typing import ClassVar

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QWidget

from app.pages.base import PageContext
from app.plots.plot_card import PlotCard
from app.rank_desk import RankDesk
from app.rank_evidence import RankEvidence
from app.rank_words import about


class RankView(QWidget):
    """Shows the spectra, the module and the k of the desk in one way.

    Subclasses fill `row` in `build`, which is called before the view is first shown, and draw in
    `draw`, which is called only while the view can be seen.

    Attributes:
        title: The text of its tab.
        row: Its layout, from left to right.
    """

    title: ClassVar[str]

    def __init__(self, context: PageContext, desk: RankDesk, evidence: RankEvidence) -> None:
        super().__init__()
        self.context, self.desk, self.evidence = context, desk, evidence
        self.setAccessibleName(self.title)
        self.row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self.row.setContentsMargins(0, 0, 0, 0)
        self.row.setSpacing(16)
        self._built = False
        self._stale = True
        desk.spectra_changed.connect(self.refresh)
        desk.module_changed.connect(self.refresh)
        evidence.changed.connect(self.refresh)
        desk.k_changed.connect(self._on_k)

    def offered(self) -> bool:
        """Tell whether there is anything to see for these spectra: else the tab is hidden."""
        return True

    def build(self) -> None:
        """Make the plots."""
        raise NotImplementedError

    def draw(self) -> None:
        """Draw the spectra and the module as they are now."""
        raise NotImplementedError

    def move_k(self) -> None:
        """Follow k; by default nothing depends on it."""

    @staticmethod
    def fill(holder: QWidget, *cards: QWidget) -> None:
        """Put cards side by side into a widget, equally wide."""
        layout = QHBoxLayout(holder)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        for card in cards:
            layout.addWidget(card, 1)

    def refresh(self) -> None:
        """Draw now, or when the view is next seen."""
        self._stale = True
        if self._built and self.isVisible() and self.desk.spectra is not None:
            self._stale = False
            self.draw()
            for card in self.findChildren(PlotCard):
                card.source.setText(about(self.desk.source))

    def mark_stale(self) -> None:
        """Draw again when the view is next seen."""
        self._stale = True

    def showEvent(self, event: QShowEvent) -> None:
        """Draw what changed while nobody looked."""
        if not self._built:
            self._built = True
            self.build()
        super().showEvent(event)
        if self._stale:
            self.refresh()

    def _on_k(self) -> None:
        if self._built and self.isVisible():
            self.move_k()
        else:
            self._stale = True
