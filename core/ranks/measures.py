"""The measures that the heat map can show: one number per module, for all modules at once."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from core.ranks import metrics
from core.ranks.metrics import Array
from core.ranks.spectra import AdapterSpectra, ModuleSpectrum


@dataclass(frozen=True)
class MapMeasure:
    """A measure with its name for people.

    Attributes:
        key: Its name in `metrics`, or "energy_rank".
        whole: It counts directions: a whole number up to r.
    """

    key: str
    title: str
    compute: Callable[[Array], Array]
    whole: bool = False

    def text(self, value: float) -> str:
        """Return a value as it is written beside the colour bar."""
        return str(round(value)) if self.whole else f"{value:.3g}"


def _k95(sigma: Array) -> Array:
    return metrics.energy_rank(sigma, 0.95).astype(np.float64)


MAP_MEASURES: Mapping[str, MapMeasure] = {
    measure.key: measure
    for measure in (
        MapMeasure("energy_rank", "Directions for 95 %", _k95, whole=True),
        MapMeasure("erank", "Effective rank (σ)", metrics.erank),
        MapMeasure("erank_energy", "Effective rank (σ²)", metrics.erank_energy),
        MapMeasure("stable_rank", "Stable rank", metrics.stable_rank),
        MapMeasure("frobenius", "Size ‖ΔW‖", metrics.frobenius),
        MapMeasure("spectral", "Largest σ", metrics.spectral),
    )
}


def values(spectra: AdapterSpectra, measure: MapMeasure) -> dict[str, float]:
    """Return the measure by module name; spectra of equal length are computed together."""
    groups: dict[int, list[ModuleSpectrum]] = defaultdict(list)
    for module in spectra.modules:
        groups[len(module.singular_values)].append(module)
    found: dict[str, float] = {}
    for members in groups.values():
        table = np.stack([module.singular_values for module in members])
        numbers = measure.compute(table).tolist()
        found |= {module.name: n for module, n in zip(members, numbers, strict=True)}
    return found
