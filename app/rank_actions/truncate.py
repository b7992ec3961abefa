"""Truncate: a smaller adapter, with what it would be before anything is written."""

from typing import ClassVar

from PySide6.QtWidgets import QHBoxLayout

from app.amounts import with_unit
from app.rank_actions.base import RankAction
from app.rank_actions.writing import Writing
from app.widgets.controls import DoubleSpinBox, Segmented
from app.widgets.text import label
from app.words import compact, percent
from core.errors import UserError
from core.jobs.adapter import AdapterRequest, Way, plan
from core.ranks.actions.truncation import TruncationPlan

WAYS: list[tuple[Way, str]] = [
    ("rank", "k everywhere"), ("parameters", "shared budget"), ("energy", "share of energy"),
]  # fmt: skip


class TruncateAction(RankAction):
    """Keeps k directions everywhere, as many parameters as that, or a share of the energy."""

    title: ClassVar[str] = "Truncate"
    icon: ClassVar[str] = "scissors"

    def offered(self) -> bool:
        """Only what has changed can be cut, and only files that are there."""
        spectra = self.desk.spectra
        return spectra is not None and spectra.trained and self.evidence.adapter is not None

    def button_text(self) -> str:
        """Name the k."""
        return f"Truncate to {max(self.desk.k, 1)}…"

    def build(self) -> None:
        """Make the choice, the preview, and the foot that writes."""
        theme = self.context.theme
        card = self.make_card("from the files alone; the adapter itself stays as it is")
        self.way = Segmented(list(WAYS), theme=theme, name="What stays")
        self.way.changed.connect(lambda _way: self.draw())
        self.share = DoubleSpinBox(50.0, 100.0, 95.0)
        self.share.setSuffix(" %")
        self.share.setAccessibleName("Share of the energy that stays in every module")
        self.share.valueChanged.connect(lambda _share: self.draw())
        self.preview = label("", "label", wrap=True)
        self.writing = Writing(self.context, self._request, verb="Write the adapter")
        choice = QHBoxLayout()
        choice.setSpacing(12)
        choice.addWidget(self.way)
        choice.addWidget(self.share)
        choice.addWidget(self.preview, 1)
        card.body.addLayout(choice)
        card.body.addWidget(self.writing)

    def draw(self) -> None:
        """Say what would stay."""
        way: Way = self.way.value
        self.share.setVisible(way == "energy")
        try:
            self.preview.setText(_words(self._plan()))
            self.writing.allow("")
        except UserError as error:
            self.preview.setText("")
            self.writing.allow(f"{error.message} {error.hint}")
        adapter = self.evidence.adapter
        if adapter is not None:
            suffix = f"e{self.share.value():.0f}" if way == "energy" else f"r{max(self.desk.k, 1)}"
            self.writing.propose(adapter.with_name(f"{adapter.name}-{suffix}"))

    def move_k(self) -> None:
        """Preview another k."""
        self.draw()

    def _value(self) -> float:
        """Return what goes with the way: k, a share, or the parameters of k everywhere."""
        spectra, k = self.evidence.spectra, max(self.desk.k, 1)
        assert spectra is not None
        if self.way.value == "energy":
            return self.share.value() / 100
        if self.way.value == "rank":
            return float(k)
        return float(sum(min(k, m.rank) * sum(m.shape) for m in spectra.modules))

    def _plan(self) -> TruncationPlan:
        assert self.evidence.spectra is not None
        return plan(self.evidence.spectra, self.way.value, self._value())

    def _request(self, profile: str, folder: str) -> AdapterRequest:
        return AdapterRequest(
            adapter=str(self.evidence.adapter),
            out=folder,
            way=self.way.value,
            value=self._value(),
            profile=profile,
        )


def _words(found: TruncationPlan) -> str:
    share = found.parameters / max(found.parameters_before, 1)
    words = (
        f"{compact(found.parameters)} of {compact(found.parameters_before)} parameters "
        f"({percent(share)}), {with_unit(found.size_bytes)}; "
        f"error ‖ΔW − ΔW_k‖/‖ΔW‖ {percent(found.error)}"
    )
    return words + (f"; {found.dropped} modules are left out" if found.dropped else "")
