"""Is the rank too high, right, or too low? The answer of the held-out loss, in one sentence.

k* is the smallest k at which the paired loss increase is inside max(1 SE, tolerance). It is found
again on resampled examples (bootstrap, seeded), which gives its 5 to 95 % interval. The verdict
stands only where that interval lies on one side of r/2; otherwise, and where noise could hide a
tenth of what the adapter gained, there is not enough held-out data to tell.

Spectra alone never give a verdict. That a rank is too low, they cannot show at all: where k* = r,
the data use the directions as evenly as chance and the training loss still falls, a higher rank is
worth a run, and only that run can tell.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.ranks.curve import CurvePoint, LossCurve
from core.ranks.metrics import Array
from core.ranks.paired import Estimate

Kind = Literal["over-provisioned", "right-sized", "rank-limited", "no gain", "unknown"]

TITLES: dict[Kind, str] = {
    "over-provisioned": "More rank than this task needs",
    "right-sized": "The rank fits",
    "rank-limited": "The rank is possibly too low",
    "no gain": "The adapter does not help",
    "unknown": "Not enough held-out data to tell",
}
TOLERANCE = 0.005
"""Nats per token: half a percent of perplexity. Seeds alone move a validation loss by more."""
RANK_ONE_SHARE = 0.9
"""The first direction alone must bring that share of the gain to be called all there is."""

_SEED = 20260822
_RESAMPLES = 1000
_LOW, _HIGH = 0.05, 0.95
_FEWEST_EXAMPLES = 8
_HIDDEN = 0.1  # the share of the gain that noise may hide


@dataclass(frozen=True)
class Verdict:
    """What the curve says about the rank.

    Attributes:
        kind: The verdict.
        rank: r.
        k: k*, the smallest uniform rank inside the noise.
        low, high: Its 5 to 95 % interval.
        increase: The loss at k* above that of the whole adapter.
        rank_one_share: Share of the gain that the first direction of every module brings alone.
        smallest: The point of any mode that has the fewest parameters inside the noise.
        sentence: All of it for a person.
    """

    kind: Kind
    rank: int
    k: int
    low: int
    high: int
    increase: Estimate
    rank_one_share: float
    smallest: CurvePoint
    sentence: str

    @property
    def title(self) -> str:
        """The verdict in a few words."""
        return TITLES[self.kind]

    @property
    def essentially_rank_one(self) -> bool:
        """True where one direction per module brings nearly all of the gain."""
        measurable = self.kind in ("over-provisioned", "right-sized", "rank-limited")
        return self.rank > 1 and measurable and self.rank_one_share >= RANK_ONE_SHARE


def judge(curve: LossCurve, tolerance: float = TOLERANCE) -> Verdict:
    """Return the verdict; the same curve and tolerance always give the same.

    Args:
        curve: With its uniform line, from k = 1 to r.
        tolerance: Loss in nats per token that the user would give away.
    """
    line = curve.line("uniform")
    inside = [point for point in line if is_inside(curve, point, tolerance)]
    chosen = inside[0]  # at the latest k = r, whose increase is zero
    low, high = _interval(curve, line, tolerance)
    increase = curve.increase(chosen)
    kind, why = _kind(curve, chosen, (low, high), tolerance)
    candidates = [point for point in curve.points if is_inside(curve, point, tolerance)]
    share = 1 - curve.increase(line[0]).mean / curve.gain.mean if curve.gain.mean > 0 else 0.0
    return Verdict(
        kind=kind,
        rank=curve.rank,
        k=chosen.largest,
        low=low,
        high=high,
        increase=increase,
        rank_one_share=share,
        smallest=min(candidates, key=lambda point: point.parameters),
        sentence=why or _sentence(kind, curve, chosen, (low, high)),
    )


def allowance(curve: LossCurve, point: CurvePoint, tolerance: float = TOLERANCE) -> float:
    """Return the loss increase that a point may have: max(1 SE, tolerance)."""
    return max(curve.increase(point).error, tolerance)


def is_inside(curve: LossCurve, point: CurvePoint, tolerance: float = TOLERANCE) -> bool:
    """Tell whether a point is as good as the whole adapter, as far as can be measured."""
    return curve.increase(point).mean <= allowance(curve, point, tolerance)


def _interval(curve: LossCurve, line: tuple[CurvePoint, ...], tolerance: float) -> tuple[int, int]:
    """Return the 5 to 95 % interval of k* over resampled examples."""
    differences = np.stack([point.losses - curve.full for point in line])  # (K, N)
    allowed = np.array([allowance(curve, point, tolerance) for point in line])
    means = resampled_means(differences, curve.tokens)  # (K, resamples)
    first = np.argmax(means <= allowed[:, None], axis=0)  # k = r is always inside
    ranks = np.array([point.largest for point in line])[first]
    low, high = np.quantile(ranks, [_LOW, _HIGH], method="inverted_cdf")
    return int(low), int(high)


def resampled_means(losses: Array, tokens: Array) -> Array:
    """Return Σl/Σn over examples drawn with replacement (Efron, 1979).

    Args:
        losses: (K, N), on the same examples.
        tokens: (N,).

    Returns:
        (K, resamples); each column is one draw, the same draws every time.
    """
    count = len(tokens)
    draws = np.random.default_rng(_SEED).multinomial(count, [1 / count] * count, _RESAMPLES)
    return np.asarray((losses @ draws.T) / (draws @ tokens))


def _kind(
    curve: LossCurve, chosen: CurvePoint, interval: tuple[int, int], tolerance: float
) -> tuple[Kind, str]:
    """Return the verdict, and the sentence where it is not about a rank."""
    gain, increase = curve.gain, curve.increase(chosen)
    low, high = interval
    if curve.rows == "training":
        return "unknown", (
            "These rows were trained on: an adapter knows them better than new ones, so that they "
            "do not tell how much rank it needs. Measure on held-out rows."
        )
    if curve.examples < _FEWEST_EXAMPLES:
        return "unknown", f"{_count(curve)} cannot tell. {_more(curve)}"
    if gain.mean < -2 * gain.error:
        return "no gain", (
            f"The adapter makes the loss on held-out rows worse, by {-gain.mean:.3f} ± "
            f"{gain.error:.3f} nats per token against the base model: its rank is not the "
            "problem. Try fewer steps or a lower learning rate."
        )
    if gain.mean <= 2 * gain.error:
        return "unknown", (
            f"{_count(curve)} cannot tell the adapter from the base model "
            f"({gain.mean:+.3f} ± {gain.error:.3f} nats per token). {_more(curve)}"
        )
    if gain.mean <= tolerance:
        return "no gain", (
            f"The adapter takes {gain.mean:.4f} ± {gain.error:.4f} nats per token off the loss of "
            f"the base model, no more than the {tolerance:g} that count as nothing here: the base "
            "model alone is as good."
        )
    if increase.error > _HIDDEN * gain.mean or low <= curve.rank / 2 < high:
        return "unknown", (
            f"{_count(curve)} leave it open: the smallest rank that is as good lies between {low} "
            f"and {high} of {curve.rank}. {_more(curve)}"
        )
    if high <= curve.rank / 2:
        return "over-provisioned", ""
    if curve.uses_its_rank and curve.still_falling:
        return "rank-limited", ""
    return "right-sized", ""


def _sentence(kind: Kind, curve: LossCurve, chosen: CurvePoint, interval: tuple[int, int]) -> str:
    low, high = interval
    increase = curve.increase(chosen)
    if kind == "over-provisioned":
        share = chosen.parameters / curve.parameters
        between = f"rank {low}" if low == high else f"between rank {low} and {high}"
        return (
            f"This task needs {chosen.largest} of the {curve.rank} directions that each module "
            f"has: at rank {chosen.largest} the loss on held-out rows is the same as far as "
            f"{curve.examples} examples can tell ({increase.mean:+.4f} ± {increase.error:.4f} "
            f"nats per token; nine of ten resamples say {between}). Truncated to that, the "
            f"adapter has {share:.0%} of its size."
        )
    below = curve.line("uniform")[-2:-1]
    cost = f": {_lost(curve, below[0])}" if below else ""
    if kind == "rank-limited":
        return (
            f"Every one of the {curve.rank} directions counts{cost}. The data use them as evenly "
            "as chance would, and the training loss was still falling. A run at rank "
            f"{2 * curve.rank} may be better, and only that run can tell."
        )
    return (
        f"Rank {curve.rank} fits this task{cost}. Whether more would help, only a run at a higher "
        "rank can tell."
    )


def _lost(curve: LossCurve, point: CurvePoint) -> str:
    increase = curve.increase(point)
    return (
        f"at rank {point.largest} the loss on held-out rows is {increase.mean:.4f} ± "
        f"{increase.error:.4f} nats per token higher"
    )


def _count(curve: LossCurve) -> str:
    return f"{curve.examples} held-out example{'s' if curve.examples != 1 else ''}"


def _more(curve: LossCurve) -> str:
    if curve.available > curve.examples:
        return f"Measure more of the {curve.available} held-out rows."
    return "Hold out more rows (data.held_out), or measure on another file."
