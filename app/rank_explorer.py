"""The Ranks page: what the adapter learned, matrix by matrix, while it trains and afterwards."""

from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.pages.base import Page, PageContext
from app.rank_desk import RankDesk
from app.rank_source import RankSource
from app.rank_words import about
from app.widgets.adapter_chooser import AdapterChooser
from app.widgets.buttons import IconLabel, button
from app.widgets.cards import Banner
from app.widgets.text import ElidedLabel, label
from core.errors import UserError
from core.events import RanksComputed

if TYPE_CHECKING:  # core.ranks brings NumPy, for which the first frame does not wait
    from app.rank_views import RankView
    from core.ranks import AdapterSpectra


class RankExplorer(Page):
    """Heat map and numbers above, one of several views below; one module and one k for all.

    Attributes:
        desk: What is selected; the views follow it.
    """

    name: ClassVar[str] = "ranks"
    title: ClassVar[str] = "Ranks"
    sentence: ClassVar[str] = "What the adapter learned, matrix by matrix."
    icon: ClassVar[str] = "chart-column-decreasing"

    def __init__(self, context: PageContext) -> None:
        super().__init__(context)
        self.source = RankSource()
        self.desk = RankDesk(self.source)
        self._content: QWidget | None = None
        self._stale = True
        theme = context.theme
        self.show_run = button("Back to the run", theme=theme, icon="undo-2")
        self.show_run.clicked.connect(lambda: self.source.follow(context.run.run))
        self.open_button = self._make_chooser("open_adapter_button")
        self.add_action(self.show_run)
        self.add_action(self.open_button)
        self.show_run.hide()
        self.desk.spectra_changed.connect(self._on_spectra)
        self.desk.module_changed.connect(self._on_module)
        self.source.progressed.connect(self._on_progress)
        context.run.run_changed.connect(lambda: self.source.follow(context.run.run))
        context.run.event_arrived.connect(self._on_event)

    # -- rail -------------------------------------------------------------------------------

    def subtitle(self) -> str:
        """Say how many directions hold most of the energy, in the middle module."""
        spectra = self.source.spectra
        if spectra is None or not spectra.trained:
            return ""
        return f"k95: {_middle_k95(spectra):.0f} of {self.desk.largest_k}"

    def mark(self) -> str:
        """A check as soon as something was learned, by an adapter of the chosen model."""
        if self._stranger is not None:
            return "warn"
        return "ok" if self.source.spectra is not None and self.source.spectra.trained else ""

    # -- building ---------------------------------------------------------------------------

    def build(self) -> None:
        """Make banner and empty state; the content waits for the first spectra."""
        self.banner = Banner("danger", theme=self.context.theme)
        self.body.addWidget(self.banner)
        self.empty = self._make_empty()
        self.body.addWidget(self.empty, 1)
        for keys, act in (
            ("Ctrl+O", self._on_open),
            ("[", lambda: self.desk.set_k(self.desk.k - 1)),
            ("]", lambda: self.desk.set_k(self.desk.k + 1)),
            ("Alt+Left", lambda: self.desk.step_module(-1)),
            ("Alt+Right", lambda: self.desk.step_module(1)),
        ):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(act)
        if self.source.run is not self.context.run.run:
            self.source.follow(self.context.run.run)
        self._stale = True

    def _make_empty(self) -> QWidget:
        made = QWidget()
        layout = QVBoxLayout(made)
        layout.setSpacing(12)
        layout.addStretch(1)
        picture = IconLabel(self.icon, "text_3", theme=self.context.theme, size=24)
        layout.addWidget(picture, 0, Qt.AlignmentFlag.AlignHCenter)
        self.empty_text = label("", "body", "muted", wrap=True)
        self.empty_text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        layout.addWidget(self.empty_text)
        self.first_button = self._make_chooser("open_first_adapter_button")
        layout.addWidget(self.first_button, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(2)
        return made

    def _make_chooser(self, name: str) -> AdapterChooser:
        made = AdapterChooser(
            "Open adapter",
            theme=self.context.theme,
            icon="folder-open",
            shown=self.source.shown_run,
        )
        made.setObjectName(name)
        made.chosen.connect(self.open_adapter)
        return made

    def _make_content(self) -> QWidget:
        from app.plots.map_card import MapCard
        from app.rank_actions.bar import ActBar
        from app.rank_evidence import RankEvidence
        from app.rank_views import VIEWS  # pyqtgraph: not before the first curve
        from app.widgets.rank_table import RankTable
        from app.widgets.tabs import Tabs

        theme = self.context.theme
        self.evidence = RankEvidence(self.context, self.source)
        self.evidence.changed.connect(self._on_evidence)
        self.act = ActBar(self.context, self.desk, self.evidence)
        self.map = MapCard(theme)
        self.map.selected.connect(self.desk.select)
        self.map.slider.chosen.connect(self.source.show_step)
        self.table = RankTable(theme)
        self.table.stepped.connect(self.desk.step_module)
        self.table.setFixedWidth(312)
        self.views: dict[str, RankView] = {}
        self.tabs = Tabs("Views of the ranks")
        for view in VIEWS:
            self.views[view.title] = view(self.context, self.desk, self.evidence)
            self.tabs.add(view.title, self.views[view.title])
        self.about = ElidedLabel("", "caption", "muted")
        self.about.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.about.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        upper, middle = QHBoxLayout(), QHBoxLayout()
        upper.setSpacing(16)
        upper.addWidget(self.map, 1)
        upper.addWidget(self.table)
        middle.setSpacing(16)
        middle.addWidget(self.tabs)
        middle.addWidget(self.about, 1)
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.act)
        layout.addLayout(upper)
        layout.addWidget(self.table.panel)
        layout.addLayout(middle)
        layout.addWidget(self.tabs.stack, 1)
        return content

    # -- what is shown ----------------------------------------------------------------------

    def open_adapter(self, path: Path) -> None:
        """Show the spectra of a folder, a run or a file; an error is said in place."""
        self.source.open_adapter(path)

    def _on_spectra(self) -> None:
        self.rail_changed.emit()
        self.show_run.setVisible(
            self.source.opened is not None and self.context.run.run is not None
        )
        self.open_button.setVisible(self.source.spectra is not None)
        self.sentence_label.set_full_text(self._summary())
        self._stale = not self.isVisible()
        if not self._stale:
            self._draw()

    def showEvent(self, event: QShowEvent) -> None:
        """Draw what came while nobody looked."""
        super().showEvent(event)
        if self._stale:
            self._stale = False
            self._draw()

    def _draw(self) -> None:
        self._say_error()
        spectra = self.source.spectra
        if spectra is not None and self._content is None:
            self._content = self._make_content()
            self.body.addWidget(self._content, 1)
        self.empty.setVisible(spectra is None)
        self.empty_text.setText(self._empty_words())
        if self._content is None:
            return
        self._content.setVisible(spectra is not None)
        if spectra is not None:
            grid = spectra.grid_within(self.context.session.model)
            self.map.show_spectra(spectra, grid, live=self.context.run.alive)
            self.map.show_steps(self.source)
            self.about.set_full_text(about(self.source))
            self._on_evidence()
            for view in self.views.values():
                self.tabs.offer(view, view.offered())
            self._on_module()

    def _on_evidence(self) -> None:
        """Offer the measures that were measured, once a measurement has ended."""
        from core.ranks.measures import measured

        self._say_error()
        self.rail_changed.emit()
        if not self.evidence.measuring:
            self.map.offer(measured(self.evidence.base, self.evidence.use))

    def _on_module(self) -> None:
        if self._content is not None and self.desk.module is not None:
            self.map.select(self.desk.module.name)
            self.table.show_module(self.desk.module)

    def _summary(self) -> str:
        """Say whose spectra these are, and what holds for the middle module."""
        spectra = self.source.spectra
        if spectra is None:
            return self.sentence
        info, words = spectra.adapter, ""
        if self.source.opened is not None:
            made_for = f", made for {info.base_name}" if info.base_name else ""
            words = f"{info.name}{made_for}. "
        if not spectra.trained:
            return words + "Nothing has changed yet."
        random = median(module.random_energy_rank["0.95"][1] for module in spectra.modules)
        return words + (
            f"In the middle module {_middle_k95(spectra):.0f} of {self.desk.largest_k} "
            f"directions hold 95 % of the change; by chance it would take {random:.0f}."
        )

    @property
    def _stranger(self) -> UserError | None:
        return self.evidence.stranger if self._content is not None else None

    def _say_error(self) -> None:
        error, spectra = self.source.error, self.source.spectra
        if error is not None:
            self.banner.show_message(error.message, error.hint, tone="danger")
        elif self._content is not None and self.evidence.given_up:
            words = f"The measurement of {self.evidence.given_up} was given up."
            hint = "Another adapter is shown now. Nothing of it was kept; measure it again there."
            self.banner.show_message(words, hint, tone="info")
        elif self._stranger is not None:
            self.banner.show_message(self._stranger.message, self._stranger.hint, tone="warn")
        elif spectra is not None and spectra.adapter.notes:
            first, *others = spectra.adapter.notes
            self.banner.show_message(first, " ".join(others), tone="info")
        else:
            self.banner.hide()

    def _empty_words(self) -> str:
        if self.source.loading:
            return "Reading the adapter …"
        if self.context.run.alive:
            return "The first singular values come with the first evaluation."
        return (
            "Here you will see which directions training has changed. "
            "Train an adapter, or open one from the disk."
        )

    def _on_progress(self, done: int, total: int) -> None:
        if self._built:
            self.banner.show_message(f"Reading module {done} of {total} …", tone="info")

    def _on_event(self, event: object) -> None:
        if isinstance(event, RanksComputed):
            self.source.refresh()

    def _on_open(self) -> None:
        shown = self.empty.isHidden()
        (self.open_button if shown else self.first_button).showMenu()


def _middle_k95(spectra: "AdapterSpectra") -> float:
    """Return the directions that hold 95 % of the energy in the middle module."""
    from core.ranks.measures import MAP_MEASURES, values

    return median(values(spectra, MAP_MEASURES["energy_rank"]).values())
