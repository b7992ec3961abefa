"""The truncation-loss curve: what the held-out loss says about every smaller rank."""

from functools import cached_property
from typing import Literal

from core.ranks.evidence import Evidence, Numbers
from core.ranks.paired import Estimate, increase, mean_loss

Mode = Literal["uniform", "energy", "budget", "functional"]
Rows = Literal["held-out", "training", "all"]
MODES: tuple[Mode, ...] = ("uniform", "energy", "budget", "functional")


class CurvePoint(Evidence):
    """The adapter with some components left out.

    Attributes:
        mode: How the components were chosen. "uniform": the first k of every module. "energy": in
            every module the fewest that hold the share τ of Σσ². "budget": the largest σ²/(m+n) of
            all modules, up to a number of parameters. "functional": as "energy", with the energy
            E‖σ_k·u_k·v_kᵀx‖² that a component has on the user's own rows.
        setting: k, τ or the number of parameters.
        ranks: Components that stay, by module.
        parameters: Numbers in the factors that stay, Σ k·(m+n).
        losses: Summed over the trained tokens of each example, (N,) in nats.
    """

    mode: Mode
    setting: float
    ranks: dict[str, int]
    parameters: int
    losses: Numbers

    @property
    def largest(self) -> int:
        """The largest rank of a module that stays."""
        return max(self.ranks.values(), default=0)


class LossCurve(Evidence):
    """Held-out losses of one adapter with ever fewer components, on the same examples.

    Attributes:
        adapter: Its name for people.
        rank: The largest r of a module.
        parameters: Numbers in all factors.
        rows: Where the examples are from: "held-out" or "training" rows of the run, or "all" rows
            of a file that nobody trained on.
        available: How many such examples there are; `tokens` counts those that were measured.
        tokens: Trained tokens of each example, (N,).
        base: Summed losses of the base model alone, (N,).
        full: Those with every component, (N,).
        points: The truncated adapters, each mode from few components to many.
        uses_its_rank: Whether the functional spectrum is as even as chance would make it, in at
            least half of the modules; None where it was not measured.
        still_falling: Whether the training loss was still going down at the end; None where the
            training is not known.
    """

    adapter: str
    rank: int
    parameters: int
    rows: Rows = "held-out"
    available: int
    tokens: Numbers
    base: Numbers
    full: Numbers
    points: tuple[CurvePoint, ...]
    uses_its_rank: bool | None = None
    still_falling: bool | None = None

    @property
    def examples(self) -> int:
        """N, the examples behind every point."""
        return len(self.tokens)

    @cached_property
    def full_loss(self) -> Estimate:
        """The loss with every component."""
        return mean_loss(self.full, self.tokens)

    @cached_property
    def base_loss(self) -> Estimate:
        """The loss of the base model."""
        return mean_loss(self.base, self.tokens)

    @cached_property
    def gain(self) -> Estimate:
        """L(0) − L(r): what the adapter takes off the loss of the base model, paired."""
        return increase(self.base, self.full, self.tokens)

    def increase(self, point: CurvePoint) -> Estimate:
        """Return by how much a point is above the whole adapter, paired."""
        return increase(point.losses, self.full, self.tokens)

    def line(self, mode: Mode) -> tuple[CurvePoint, ...]:
        """Return the points of one mode, from few parameters to many."""
        points = (point for point in self.points if point.mode == mode)
        return tuple(sorted(points, key=lambda point: (point.parameters, point.setting)))
