"""Damp: intruder dimensions made weaker, so that less is forgotten."""

from typing import ClassVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QSlider

from app.rank_actions.base import RankAction
from app.rank_actions.writing import Writing
from app.widgets.text import label
from core.jobs.damp import DampRequest
from core.ranks.intruders import THRESHOLD

WORDS = (
    "Directions of W₀ + ΔW that are unlike any of W₀ go with forgetting (Shuttleworth et al., "
    "2024). They are made weaker without training, and the rest is fitted to the same rank."
)
STRENGTH = 75
"""Per cent of their size that intruders keep at first."""


class DampAction(RankAction):
    """Weakens what the adapter put among the strongest directions of the weights."""

    title: ClassVar[str] = "Damp intruders"
    icon: ClassVar[str] = "sliders-horizontal"

    def offered(self) -> bool:
        """Only where the adapter was measured beside its base, and has intruders."""
        return self.evidence.base is not None and self._count() > 0

    def build(self) -> None:
        """Make the slider and the foot that writes."""
        card = self.make_card()
        self.strength = QSlider(Qt.Orientation.Horizontal)
        self.strength.setRange(0, 100)
        self.strength.setValue(STRENGTH)
        self.strength.setFixedWidth(200)
        self.strength.setAccessibleName("Share of their size that intruders keep, in per cent")
        self.strength.valueChanged.connect(lambda _value: self.draw())
        self.value = label("", "label")
        self.found = label("", "body", "muted", wrap=True)
        self.writing = Writing(
            self.context,
            self._request,
            verb="Write the damped adapter",
            job="damp",
            lane=self.context.assistant.evidence,
            profiles=False,
        )
        line = QHBoxLayout()
        line.setSpacing(12)
        line.addWidget(self.strength)
        line.addWidget(self.value)
        line.addWidget(self.found, 1)
        card.body.addWidget(label(WORDS, wrap=True))
        card.body.addLayout(line)
        card.body.addWidget(self.writing)

    def draw(self) -> None:
        """Say what would be damped, and how much."""
        count, percent = self._count(), self.strength.value()
        self.value.setText(f"λ = {percent / 100:.2f}")
        ends = {0: "are taken out", 100: "stay as they are"}
        fate = ends.get(percent, f"keep {percent} % of their size")
        self.found.setText(f"{count} intruders {fate}.")
        self.writing.allow(self.evidence.why_not)
        adapter = self.evidence.adapter
        if adapter is not None:
            self.writing.propose(adapter.with_name(f"{adapter.name}-damped"))

    def _count(self) -> int:
        base = self.evidence.base
        return base.count("intruder", THRESHOLD) if base is not None else 0

    def _request(self, _profile: str, folder: str) -> DampRequest:
        return DampRequest(
            adapter=str(self.evidence.adapter),
            settings=self.evidence.settings,
            strength=self.strength.value() / 100,
            out=folder,
        )
