"""Which components of an adapter stay: one mask per module, in the order of its singular values.

NumPy only; the same rules choose what is measured and what is written.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from core.ranks.metrics import Array

Mask = NDArray[np.bool_]
Kept = dict[str, Mask]
Shapes = Mapping[str, tuple[int, int]]


def uniform(sigma: Mapping[str, Array], k: int) -> Kept:
    """Keep the first k components of every module."""
    return {name: np.arange(len(values)) < k for name, values in sigma.items()}


def by_energy(energies: Mapping[str, Array], share: float) -> Kept:
    """Keep, in every module, the fewest components that hold `share` of its energy.

    Args:
        energies: By module and component: σ² for the weights, E‖σ_k·u_k·v_kᵀx‖² for the data.
        share: τ, above 0 and up to 1.
    """
    return {name: _fewest(values, share) for name, values in energies.items()}


def by_budget(sigma: Mapping[str, Array], shapes: Shapes, parameters: int) -> Kept:
    """Keep the components of all modules that have the largest σ²/(m+n), up to a budget.

    That leaves the smallest Σσ² behind for the parameters that stay, to within one component.
    """
    return by_worth({name: values**2 for name, values in sigma.items()}, shapes, parameters)


def by_worth(worth: Mapping[str, Array], shapes: Shapes, parameters: int) -> Kept:
    """Keep the components of all modules with the largest worth/(m+n), up to a budget.

    Those without any worth are left out even where there is room.
    """
    return Ranking(worth, shapes).within(parameters)


class Ranking:
    """All components of all modules, those with the largest worth/(m+n) first.

    Sorted once, so that many budgets can be tried while somebody drags.
    """

    def __init__(self, worth: Mapping[str, Array], shapes: Shapes) -> None:
        self._sizes = {name: len(values) for name, values in worth.items()}
        counts = list(self._sizes.values())
        costs = np.repeat([sum(shapes[name]) for name in worth], counts)
        density = np.concatenate(list(worth.values())) / costs
        order = np.argsort(-density, kind="stable")
        self._order = order[density[order] > 0]
        self._spent = np.cumsum(costs[self._order])
        self._owner = np.repeat(np.arange(len(counts)), counts)

    def within(self, parameters: int) -> Kept:
        """Return the components that fit into a budget."""
        stays = np.zeros(len(self._owner), bool)
        stays[self._first(parameters)] = True
        borders = np.cumsum(list(self._sizes.values()))[:-1]
        return dict(zip(self._sizes, np.split(stays, borders), strict=True))

    def ranks_within(self, parameters: int) -> dict[str, int]:
        """Return how many components of each module fit into a budget."""
        owners = self._owner[self._first(parameters)]
        counts = np.bincount(owners, minlength=len(self._sizes))
        return dict(zip(self._sizes, counts.tolist(), strict=True))

    def _first(self, parameters: int) -> NDArray[np.intp]:
        count = int(np.searchsorted(self._spent, parameters, side="right"))
        return np.asarray(self._order[:count])


def ranks_of(kept: Mapping[str, Mask]) -> dict[str, int]:
    """Return how many components stay, by module."""
    return {name: int(mask.sum()) for name, mask in kept.items()}


def parameters_of(ranks: Mapping[str, int], shapes: Shapes) -> int:
    """Return the numbers in the factors of these ranks, Σ k·(m+n)."""
    return sum(k * sum(shapes[name]) for name, k in ranks.items())


def _fewest(energies: Array, share: float) -> Mask:
    order = np.argsort(-energies, kind="stable")
    before = np.concatenate([[0.0], np.cumsum(energies[order])[:-1]])
    stays = np.zeros(len(energies), bool)
    stays[order] = before < share * energies.sum() * (1 - 1e-12)
    return stays
