"""Export, grow and clip: the whole adapter written anew, in one way or another."""

from typing import ClassVar

from PySide6.QtWidgets import QHBoxLayout

from app.rank_actions.base import RankAction
from app.rank_actions.writing import Writing
from app.widgets.controls import DoubleSpinBox, SpinBox
from app.widgets.text import label
from core.jobs.adapter import Action, AdapterRequest


class WholeAction(RankAction):
    """An action on all of the adapter that needs its files and no more than one number.

    Attributes:
        action: What the worker does; `words` says it, `suffix` names the folder.
    """

    action: ClassVar[Action] = "truncate"
    words: ClassVar[str]
    suffix: ClassVar[str]

    def offered(self) -> bool:
        """Only files that are there can be written anew."""
        return self.evidence.adapter is not None

    def build(self) -> None:
        """Make the explanation, the number, and the foot that writes."""
        card = self.make_card()
        line = QHBoxLayout()
        line.setSpacing(12)
        line.addWidget(label(self.words, wrap=True), 1)
        self.number = self.make_number()
        if self.number is not None:
            line.addWidget(self.number)
        grows = self.action == "grow"  # what goes on training is written as it was trained
        self.writing = Writing(self.context, self._request, verb=self.title, profiles=not grows)
        card.body.addLayout(line)
        card.body.addWidget(self.writing)

    def make_number(self) -> SpinBox | DoubleSpinBox | None:
        """Return the control of the number, if there is one."""
        return None

    def value(self) -> float:
        """Return the number as the worker takes it."""
        return 0.0

    def draw(self) -> None:
        """Propose a folder."""
        adapter = self.evidence.adapter
        if adapter is not None:
            self.writing.propose(adapter.with_name(f"{adapter.name}-{self.suffix}"))

    def _request(self, profile: str, folder: str) -> AdapterRequest:
        return AdapterRequest(
            adapter=str(self.evidence.adapter),
            out=folder,
            action=self.action,
            value=self.value(),
            profile=profile,
        )


class ExportAction(WholeAction):
    """The adapter for another program."""

    title: ClassVar[str] = "Export"
    icon: ClassVar[str] = "upload"
    words: ClassVar[str] = (
        "PEFT, vLLM and llama.cpp scale B·A by three different rules. The adapter is written so "
        "that the chosen program multiplies by the right number, and read back by its rule."
    )
    suffix: ClassVar[str] = "export"


class GrowAction(WholeAction):
    """Room for more directions, to train on."""

    title: ClassVar[str] = "Grow the rank"
    icon: ClassVar[str] = "maximize-2"
    action: ClassVar[Action] = "grow"
    words: ClassVar[str] = (
        "Adds directions that are still zero: the model answers exactly as before, and training "
        "can go on with more room."
    )
    suffix: ClassVar[str] = "grown"

    def make_number(self) -> SpinBox:
        """Return the rank afterwards, twice the present one at first."""
        largest = self.desk.largest_k
        made = SpinBox(largest, 512, min(2 * largest, 512))
        made.setPrefix("rank ")
        made.setAccessibleName("Rank afterwards")
        return made

    def value(self) -> float:
        """Return the rank."""
        return float(self.number.value()) if self.number is not None else 0.0


class ClipAction(WholeAction):
    """No direction that is much stronger than the others."""

    title: ClassVar[str] = "Clip σ"
    icon: ClassVar[str] = "minimize-2"
    action: ClassVar[Action] = "clip"
    words: ClassVar[str] = (
        "Caps every singular value at a share of the largest of its module. An adapter in which "
        "one direction shouts down the rest may go better with others afterwards."
    )
    suffix: ClassVar[str] = "clipped"

    def make_number(self) -> DoubleSpinBox:
        """Return the share of σ₁."""
        made = DoubleSpinBox(1.0, 100.0, 50.0)
        made.setSuffix(" % of σ₁")
        made.setAccessibleName("Cap, as a share of the largest σ of each module")
        return made

    def value(self) -> float:
        """Return the share."""
        return self.number.value() / 100 if self.number is not None else 1.0
