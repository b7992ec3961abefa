"""Mean losses per token over examples, and paired differences of them, with standard errors.

The loss of a run is Σl/Σn: the summed losses l of its examples over their trained tokens n. So it
is a ratio of two sums, and its standard error is that of the ratio estimator (Cochran, Sampling
Techniques, 1977, §2.11): with the residuals e_i = l_i − (Σl/Σn)·n_i of N examples,

    SE = √( N/(N−1) · Σe² ) / Σn

Two losses on the same examples are compared by their differences d_i in the place of l_i. What
makes an example hard is then the same on both sides and cancels; the SE of the difference is far
smaller than that of either loss.
"""

from dataclasses import dataclass

import numpy as np

from core.ranks.metrics import Array


@dataclass(frozen=True)
class Estimate:
    """A mean in nats per token, and one standard error of it over the choice of examples."""

    mean: float
    error: float


def mean_loss(losses: Array, tokens: Array) -> Estimate:
    """Return Σl/Σn.

    Args:
        losses: l, summed over the trained tokens of each example, (N,).
        tokens: n, (N,).
    """
    mean = float(losses.sum() / tokens.sum())
    count = len(losses)
    if count < 2:
        return Estimate(mean, 0.0)
    residuals = losses - mean * tokens
    spread = float(np.sqrt(count / (count - 1) * (residuals**2).sum()))
    return Estimate(mean, spread / float(tokens.sum()))


def increase(losses: Array, reference: Array, tokens: Array) -> Estimate:
    """Return by how much the loss is above `reference` on the same examples."""
    return mean_loss(losses - reference, tokens)
