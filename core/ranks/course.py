"""How the spectra of a run change over its steps: what the time-lapse draws.

Every number is kept in float32, which a picture cannot tell from float64, so that four hundred
steps of 224 modules with 256 singular values take 92 MB.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.ranks import metrics
from core.ranks.metrics import Array
from core.ranks.spectra import AdapterSpectra

Singles = NDArray[np.float32]

MOST_STEPS = 400
"""More columns than that no plot of the page has."""


def _k95(sigma: Array) -> Array:
    return metrics.energy_rank(sigma, 0.95).astype(np.float64)


COURSES: Mapping[str, Callable[[Array], Array]] = {
    "erank": metrics.erank,
    "energy_rank": _k95,
    "spectral": metrics.spectral,
    "frobenius": metrics.frobenius,
}
"""What is followed over the steps, by name: σ (M, q) to one number per module (M,)."""


def evenly(steps: list[int], most: int = MOST_STEPS) -> list[int]:
    """Return every 1st, 2nd, 4th … of ascending steps, at most so many, and always the newest.

    A run that goes on thus never needs a step again that was left out before.
    """
    stride = 1
    while len(steps) > stride * (most - 1):
        stride *= 2
    kept = steps[::stride]
    return kept if not steps or kept[-1] == steps[-1] else [*kept, steps[-1]]


@dataclass(frozen=True, eq=False)
class _Moment:
    """One step: σ (M, q), zero beyond the rank of a module, and the numbers of `COURSES`, (M,)."""

    sigma: Singles
    numbers: Mapping[str, Singles]


class Course:
    """The spectra of the steps of one run, all of the same modules."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()
        self._moments: dict[int, _Moment] = {}

    def __contains__(self, step: int) -> bool:
        return step in self._moments

    def __len__(self) -> int:
        return len(self._moments)

    @property
    def steps(self) -> list[int]:
        """The steps that are known, ascending."""
        return sorted(self._moments)

    def add(self, step: int, spectra: AdapterSpectra) -> None:
        """Take in a step; one of other modules begins a new course."""
        names = tuple(module.name for module in spectra.modules)
        if names != self.names:
            self.names, self._moments = names, {}
        width = max(len(module.singular_values) for module in spectra.modules)
        sigma = np.zeros((len(names), width))
        for row, module in zip(sigma, spectra.modules, strict=True):
            row[: len(module.singular_values)] = module.singular_values
        numbers = {key: measure(sigma).astype(np.float32) for key, measure in COURSES.items()}
        self._moments[step] = _Moment(sigma.astype(np.float32), numbers)

    def keep(self, steps: list[int]) -> None:
        """Forget all other steps."""
        self._moments = {step: m for step, m in self._moments.items() if step in set(steps)}

    def quartiles(self, key: str) -> Array:
        """Return the 25, 50 and 75 % of a number over the modules, (3, steps)."""
        table = np.stack([self._moments[step].numbers[key] for step in self.steps])
        return np.asarray(np.quantile(table, [0.25, 0.5, 0.75], axis=1))

    def of_module(self, key: str, name: str) -> Array:
        """Return a number of one module, (steps,)."""
        row = self.names.index(name)
        return np.array([self._moments[step].numbers[key][row] for step in self.steps], np.float64)

    def spectra_of(self, name: str, rank: int) -> Array:
        """Return the first `rank` singular values of one module at every step, (steps, rank)."""
        row = self.names.index(name)
        return np.stack([self._moments[step].sigma[row, :rank] for step in self.steps], dtype=float)
