"""Retrain: settings for a new run at the ranks that were chosen here."""

from typing import ClassVar

from PySide6.QtWidgets import QHBoxLayout

from app.rank_actions.base import RankAction
from app.widgets.buttons import button
from app.widgets.controls import Segmented
from app.widgets.text import label
from core.adapters.base import LowRankSettings
from core.errors import UserError
from core.jobs.adapter import Way, plan
from core.ranks.actions.retrain import retrained
from core.settings import RunSettings

WAYS: list[tuple[Way, str]] = [("rank", "k everywhere"), ("parameters", "shared budget")]


class RetrainAction(RankAction):
    """Puts ranks into the settings of the next run, with the scaling s of every module kept."""

    title: ClassVar[str] = "Retrain at other ranks"
    icon: ClassVar[str] = "refresh-cw"

    def offered(self) -> bool:
        """Only a run has settings to begin from, and only some methods a rank."""
        settings, spectra = self.context.run.settings, self.evidence.spectra
        low_rank = settings is not None and isinstance(settings.adapter, LowRankSettings)
        known = self.context.session.model is not None and spectra is not None and spectra.trained
        return self.desk.source.opened is None and low_rank and known

    def button_text(self) -> str:
        """Name the k."""
        return f"Retrain at {max(self.desk.k, 1)}…"

    def build(self) -> None:
        """Make the choice, the explanation and the button."""
        card = self.make_card("nothing starts by itself: the settings open on the Adapter page")
        theme = self.context.theme
        self.way = Segmented(list(WAYS), theme=theme, name="How the ranks are shared out")
        self.way.changed.connect(lambda _way: self.draw())
        self.words = label("", wrap=True)
        self.go = button("Take into the settings", theme=theme, icon="arrow-right")
        self.go.setObjectName("retrain_go")
        self.go.clicked.connect(self._on_go)
        line = QHBoxLayout()
        line.setSpacing(12)
        line.addWidget(self.way)
        line.addWidget(self.words, 1)
        line.addWidget(self.go)
        card.body.addLayout(line)

    def draw(self) -> None:
        """Say what the new run would have."""
        try:
            adapter = self._settings().adapter
        except UserError as error:
            self.words.setText(f"{error.message} {error.hint}")
            self.go.setEnabled(False)
            return
        assert isinstance(adapter, LowRankSettings)
        ranks = f"rank {adapter.rank}"
        if adapter.rank_pattern:
            ranks += f" where nothing else is said, and {len(adapter.rank_pattern)} exceptions"
        self.words.setText(
            f"This run's settings with {ranks}; the scaling of every module stays what it is. "
            "Training high and truncating often does better: such a run would show it."
        )
        self.go.setEnabled(True)

    def move_k(self) -> None:
        """Another k is another run."""
        self.draw()

    def _settings(self) -> RunSettings:
        settings, spectra = self.context.run.settings, self.evidence.spectra
        model, k = self.context.session.model, max(self.desk.k, 1)
        assert settings is not None
        assert spectra is not None
        assert model is not None
        budget = sum(min(k, module.rank) * sum(module.shape) for module in spectra.modules)
        value = float(k if self.way.value == "rank" else budget)
        return retrained(settings, plan(spectra, self.way.value, value).ranks, model.grid)

    def _on_go(self) -> None:
        self.context.session.load(self._settings())
        self.context.go("adapter")
