"""The rules by which a truncation can choose, each as a checked plan.

Two of them take numbers that were measured with the model and data: `keep_energy` the energies of
the functional spectrum, `keep_budget` any worth of a component, such as its sensitivity.
"""

from collections.abc import Mapping

import numpy as np

from core.errors import UserError
from core.ranks.actions.truncation import TruncationPlan, plan_truncation
from core.ranks.metrics import Array
from core.ranks.selection import by_energy, by_worth, uniform
from core.ranks.spectra import AdapterSpectra


def keep_rank(spectra: AdapterSpectra, rank: int) -> TruncationPlan:
    """Keep the first `rank` components of every module; smaller ones stay as they are.

    Raises:
        UserError: It is below 1, or above the rank of every module.
    """
    largest = max((module.rank for module in spectra.modules), default=0)
    if rank < 1:
        raise UserError(f"The rank {rank} keeps nothing.", "Choose a rank of 1 or more.")
    if rank > largest:
        raise UserError(
            f"The rank {rank} is larger than that of the adapter, {largest}.",
            f"Choose {largest} or less; `rankscope grow` makes a rank larger.",
        )
    return plan_truncation(spectra, uniform(_sigma(spectra), rank), f"rank {rank}")


def keep_energy(
    spectra: AdapterSpectra, share: float, energies: Mapping[str, Array] | None = None
) -> TruncationPlan:
    """Keep, in every module, the fewest components that hold a share of its energy.

    Args:
        spectra: Of the adapter.
        share: τ, above 0 and up to 1.
        energies: By module and component, E‖σ_k·u_k·v_kᵀx‖² on the user's data; σ² if not given.

    Raises:
        UserError: The share is out of bounds, or a module has no energies.
    """
    if not 0 < share <= 1:
        raise UserError(
            f"The share {share:g} is not between 0 and 1.",
            "Write 0.95 to keep 95 % of the energy.",
        )
    how = f"energy {share:g}" if energies is None else f"energy on the data {share:g}"
    return plan_truncation(spectra, by_energy(_worth(spectra, energies), share), how)


def keep_budget(
    spectra: AdapterSpectra, parameters: int, worth: Mapping[str, Array] | None = None
) -> TruncationPlan:
    """Keep the components with the largest worth per parameter, up to a number of parameters.

    Args:
        spectra: Of the adapter.
        parameters: Numbers in all factors together.
        worth: By module and component, such as σ_k·|g_k| of their sensitivity; σ² if not given,
            which leaves the smallest Σσ² behind.

    Raises:
        UserError: The budget is too small for any component, or a module has no worth.
    """
    shapes = {module.name: module.shape for module in spectra.modules}
    smallest = min((sum(shape) for shape in shapes.values()), default=0)
    if parameters < smallest:
        raise UserError(
            f"{parameters:,} parameters are too few for a single direction.",
            f"The smallest module needs {smallest:,} for each.",
        )
    how = f"at most {parameters:,} parameters"
    how += "" if worth is None else ", by worth"
    stays = by_worth(_worth(spectra, worth), shapes, parameters)
    return plan_truncation(spectra, stays, how)


def keep_above(spectra: AdapterSpectra, floors: Mapping[str, float], how: str) -> TruncationPlan:
    """Keep the components with σ above a floor per module, such as a share of ‖W₀‖."""
    stays = {name: sigma > floors[name] for name, sigma in _sigma(spectra).items()}
    return plan_truncation(spectra, stays, how)


def keep_everything(spectra: AdapterSpectra) -> TruncationPlan:
    """Keep what is above the rounding of float64: merged factors can be wider than their rank."""
    stays = {m.name: np.arange(len(m.singular_values)) < m.numerical_rank for m in spectra.modules}
    return plan_truncation(spectra, stays, "everything above rounding")


def _sigma(spectra: AdapterSpectra) -> dict[str, Array]:
    return {module.name: module.singular_values for module in spectra.modules}


def _worth(spectra: AdapterSpectra, given: Mapping[str, Array] | None) -> dict[str, Array]:
    """Return σ², or the given numbers, checked against the components of every module."""
    if given is None:
        return {name: sigma**2 for name, sigma in _sigma(spectra).items()}
    for name, sigma in _sigma(spectra).items():
        if name not in given or given[name].shape != sigma.shape:
            raise UserError(
                f"Nothing was measured for {name}, or for another rank.",
                "Measure this adapter again.",
            )
    return dict(given)
