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
    names = list(worth)
    costs = np.concatenate([np.full(len(worth[name]), sum(shapes[name])) for name in names])
    density = np.concatenate([worth[name] for name in names]) / costs
    order = np.argsort(-density, kind="stable")
    stays = np.zeros(len(density), bool)
    fits = np.cumsum(costs[order]) <= parameters
    stays[order[fits & (density[order] > 0)]] = True
    borders = np.cumsum([len(worth[name]) for name in names])[:-1]
    return dict(zip(names, np.split(stays, borders), strict=True))


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
