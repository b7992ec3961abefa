"""Intruder dimensions: singular vectors of W₀+ΔW that are unlike every one of W₀.

Shuttleworth et al. (arXiv:2410.21228): c_i = max_j |⟨u_i, u_j⟩| over all left singular vectors u_j
of W₀, for the first k = 10 singular vectors u_i of W₀+ΔW; c_i < ε = 0.5 makes u_i an intruder.

c_i is known here as an interval that surely holds it, because no full decomposition of W₀ is made.
So there are three verdicts: an interval on one side of ε decides, one that reaches across it is
borderline.
"""

from typing import Literal

from core.ranks.evidence import Evidence, Numbers

DIRECTIONS = 10
THRESHOLD = 0.5

Verdict = Literal["intruder", "no intruder", "borderline"]


class Intruders(Evidence):
    """The first singular vectors of one tuned matrix.

    Attributes:
        sigma: σ_i of W₀+ΔW, (k,).
        low, high: Bounds of c_i, (k,).
        closest: Index j, from 0, of the base vector that is the most alike among those that were
            computed, (k,).
    """

    sigma: Numbers
    low: Numbers
    high: Numbers
    closest: tuple[int, ...]

    def verdicts(self, threshold: float = THRESHOLD) -> tuple[Verdict, ...]:
        """Return one verdict per vector."""
        bounds = zip(self.low, self.high, strict=True)
        return tuple(_verdict(low, high, threshold) for low, high in bounds)

    def count(self, verdict: Verdict, threshold: float = THRESHOLD) -> int:
        """Return how many vectors have that verdict."""
        return self.verdicts(threshold).count(verdict)


def _verdict(low: float, high: float, threshold: float) -> Verdict:
    if low >= threshold:
        return "no intruder"
    return "intruder" if high < threshold else "borderline"
