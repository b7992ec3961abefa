"""Retrain: settings for a new run at the rank that was chosen here."""

from typing import ClassVar

from app.rank_actions.base import RankAction
from app.widgets.basic import button, label
from core.adapters.base import LowRankSettings
from core.settings import RunSettings


class RetrainAction(RankAction):
    """Puts rank k into the settings of the next run, with the same scaling s."""

    title: ClassVar[str] = "Retrain at another rank"
    icon: ClassVar[str] = "refresh-cw"

    def offered(self) -> bool:
        """Only a run has settings to begin from, and only some methods a rank."""
        settings = self.context.run.settings
        low_rank = settings is not None and isinstance(settings.adapter, LowRankSettings)
        return self.desk.source.opened is None and low_rank

    def button_text(self) -> str:
        """Name the k."""
        return f"Retrain at {max(self.desk.k, 1)}…"

    def build(self) -> None:
        """Make the explanation and the button."""
        card = self.make_card()
        self.words = label("", wrap=True)
        self.go = button("", theme=self.context.theme, icon="arrow-right")
        self.go.setObjectName("retrain_go")
        self.go.clicked.connect(self._on_go)
        card.body.addWidget(self.words)
        card.body.addWidget(self.go)

    def draw(self) -> None:
        """Say what the new run would have."""
        settings = self._settings()
        adapter = settings.adapter
        assert isinstance(adapter, LowRankSettings)
        rank, alpha = adapter.rank, adapter.alpha
        self.words.setText(
            f"Takes the settings of this run with rank {rank} and α {alpha:g}, so that the scaling "
            "of every update stays what it is. Nothing starts by itself: you see the settings on "
            "the Adapter page and press Start there. Training at a high rank and truncating often "
            "does better than training at the low rank; this run would show it."
        )
        self.go.setText(f"Take rank {rank} into the settings")

    def move_k(self) -> None:
        """Another k is another run."""
        self.draw()

    def _settings(self) -> RunSettings:
        """Return the settings of the run at rank k, with s kept: α/r, or α/√r of rsLoRA."""
        settings, k = self.context.run.settings, max(self.desk.k, 1)
        assert settings is not None
        adapter = settings.adapter
        assert isinstance(adapter, LowRankSettings)
        ratio = k / adapter.rank
        alpha = adapter.alpha * (ratio**0.5 if adapter.method == "rslora" else ratio)
        name = f"{settings.name}-r{k}"
        return settings.with_changes({"adapter.rank": k, "adapter.alpha": alpha, "name": name})

    def _on_go(self) -> None:
        self.context.session.load(self._settings())
        self.context.go("adapter")
