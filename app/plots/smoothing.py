"""The exponential moving average that is drawn over a noisy loss."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BLOCK = 256


class Smoother:
    """y[t] = Σ β^(t-i) x[i] / Σ β^(t-i): bias-corrected, so that it starts at the first value.

    A value that is not finite carries no weight; the average goes on as if it were not there.
    The sums over a block of 256 values are one product with a triangular matrix of powers of β.
    """

    def __init__(self, beta: float = 0.9) -> None:
        self._beta = beta
        lag = np.subtract.outer(np.arange(BLOCK), np.arange(BLOCK))
        self._powers = np.where(lag >= 0, beta ** np.maximum(lag, 0), 0.0)
        self._decay = beta ** np.arange(1, BLOCK + 1)
        self._sum = 0.0
        self._weight = 0.0

    def extend(self, values: Floats) -> Floats:
        """Return the averages at the next values."""
        smoothed = np.empty(len(values))
        for start in range(0, len(values), BLOCK):
            block = values[start : start + BLOCK]
            smoothed[start : start + len(block)] = self._block(block)
        return smoothed

    def _block(self, block: Floats) -> Floats:
        size = len(block)
        finite = np.isfinite(block)
        powers = self._powers[:size, :size]
        sums = powers @ np.where(finite, block, 0.0) + self._decay[:size] * self._sum
        weights = powers @ finite.astype(float) + self._decay[:size] * self._weight
        self._sum, self._weight = float(sums[-1]), float(weights[-1])
        averages: Floats = np.divide(sums, weights, out=np.full(size, np.nan), where=weights > 0)
        return averages
