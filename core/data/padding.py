"""What padding costs: the tokens that batches of rows drawn at random would be filled up with."""

import numpy as np

from core.data.lengths import Tally


def padded_share(lengths: Tally, limit: int, rows: int) -> float:
    """Return which share of the tokens of a micro-batch would be padding, on average.

    A micro-batch is as long as its longest row. Of b rows that are drawn at random the longest is
    at most n tokens long with the probability F(n)ᵇ, where F is the share of rows of at most n, so
    its mean is Σ n·(F(n)ᵇ − F(n−1)ᵇ).

    Args:
        lengths: Tokens of the rows, uncut.
        limit: Where they are cut.
        rows: b, the rows of a micro-batch.
    """
    if not lengths.number or rows < 2:
        return 0.0
    values = np.minimum(lengths.values, limit)
    shares = np.cumsum(lengths.counts) / lengths.number
    longest = float(values @ np.diff(shares**rows, prepend=0.0))
    return max(0.0, 1 - lengths.clipped(limit) / lengths.number / longest)
