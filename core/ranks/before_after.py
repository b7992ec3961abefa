"""Losses before and after a change: on the task, and on general text that nobody trained on.

A rise on general text is what the model has forgotten.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from core.ranks.evidence import Evidence, Numbers
from core.ranks.paired import Estimate, increase, mean_loss

Text = Literal["task", "general"]

ChangeKind = Literal["rank", "energy", "damp", "cap"]

BASE, FULL = "base", "full"
"""Names of the base model alone and of the adapter as it is."""


_NAMES: dict[ChangeKind, str] = {
    "rank": "rank",
    "energy": "energy",
    "damp": "damping",
    "cap": "cap",
}


class Change(BaseModel):
    """What is made of an adapter before it is measured again.

    Attributes:
        kind: "rank": the first `value` components of each module. "energy": the fewest that hold
            that share of Σσ². "damp": intruder dimensions at that share of their size. "cap": no σ
            above that multiple of σ₁(W₀).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ChangeKind
    value: float

    @property
    def name(self) -> str:
        """Its name among the sides: rank 8, energy 0.9, damping 0.5 or cap 2."""
        return f"{_NAMES[self.kind]} {self.value:g}"


class Side(Evidence):
    """One model on both texts.

    Attributes:
        name: "base", "full", or what was changed, as in "rank 8", "damping 0.5" or "cap 2".
        parameters: Numbers in the factors.
        residual: ‖W' − its refit to the same rank‖ over ‖ΔW‖, root mean square over modules, where
            the change had to be refitted; else 0.
        task: Summed losses of the held-out examples, (N,) in nats.
        general: Those of the paragraphs of general text, (M,).
    """

    name: str
    parameters: int
    residual: float = 0.0
    task: Numbers
    general: Numbers


class BeforeAfter(Evidence):
    """Several models on the same examples.

    Attributes:
        adapter: Its name for people.
        sides: The base model first, then the adapter as it is, then what was made of it.
        task_tokens: Trained tokens of the examples, (N,).
        general_tokens: The same of the general text, (M,).
    """

    adapter: str
    sides: tuple[Side, ...]
    task_tokens: Numbers
    general_tokens: Numbers

    def side(self, name: str) -> Side:
        """Return the side of that name."""
        return next(side for side in self.sides if side.name == name)

    def loss(self, name: str, text: Text) -> Estimate:
        """Return a mean loss in nats per token."""
        return mean_loss(getattr(self.side(name), text), self._tokens(text))

    def change(self, name: str, text: Text, against: str = FULL) -> Estimate:
        """Return by how much one side is above another, paired."""
        losses, reference = (getattr(self.side(key), text) for key in (name, against))
        return increase(losses, reference, self._tokens(text))

    def _tokens(self, text: Text) -> Numbers:
        return self.task_tokens if text == "task" else self.general_tokens
