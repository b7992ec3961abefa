"""The measures that the heat map can show: one number per module, for all modules at once."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import mean

import numpy as np

from core.ranks import metrics
from core.ranks.against_base import BaseComparison
from core.ranks.functional import FunctionalSpectra
from core.ranks.metrics import Array
from core.ranks.null import unit_null
from core.ranks.spectra import AdapterSpectra, ModuleSpectrum

Numbers = dict[str, float]


@dataclass(frozen=True)
class MapMeasure:
    """A measure with its name for people.

    Attributes:
        key: Its name in `metrics`, or one of its own.
        compute: Its value by module name; a module that is left out was not measured.
        whole: It counts directions: a whole number up to r.
    """

    key: str
    title: str
    compute: Callable[[AdapterSpectra], Numbers]
    whole: bool = False

    def text(self, value: float) -> str:
        """Return a value as it is written beside the colour bar."""
        return str(round(value)) if self.whole else f"{value:.3g}"


def _of_sigma(measure: Callable[[Array], Array]) -> Callable[[AdapterSpectra], Numbers]:
    """Return a measure of spectra alone; those of equal length are computed together."""

    def compute(spectra: AdapterSpectra) -> Numbers:
        groups: dict[int, list[ModuleSpectrum]] = defaultdict(list)
        for module in spectra.modules:
            groups[len(module.singular_values)].append(module)
        found: Numbers = {}
        for members in groups.values():
            table = np.stack([module.singular_values for module in members])
            numbers = measure(table).tolist()
            found |= {module.name: n for module, n in zip(members, numbers, strict=True)}
        return found

    return compute


def _energy_rank(share: float) -> Callable[[AdapterSpectra], Numbers]:
    return _of_sigma(lambda sigma: metrics.energy_rank(sigma, share).astype(np.float64))


def _against_chance(spectra: AdapterSpectra) -> Numbers:
    """Return the effective rank over that of random updates of the same shape and rank."""
    ranks = _of_sigma(metrics.erank)(spectra)
    chance = {
        module.name: mean(unit_null(module.shape, module.rank).intervals["erank"])
        for module in spectra.modules
    }
    return {name: rank / chance[name] for name, rank in ranks.items()}


MAP_MEASURES: Mapping[str, MapMeasure] = {
    measure.key: measure
    for measure in (
        MapMeasure("energy_rank", "Directions for 95 %", _energy_rank(0.95), whole=True),
        MapMeasure("energy_rank_99", "Directions for 99 %", _energy_rank(0.99), whole=True),
        MapMeasure("erank", "Effective rank (σ)", _of_sigma(metrics.erank)),
        MapMeasure("erank_energy", "Effective rank (σ²)", _of_sigma(metrics.erank_energy)),
        MapMeasure("against_chance", "Effective rank ÷ chance", _against_chance),
        MapMeasure("stable_rank", "Stable rank", _of_sigma(metrics.stable_rank)),
        MapMeasure("participation", "Participation", _of_sigma(metrics.participation_ratio)),
        MapMeasure("top_share", "Share of the first", _of_sigma(metrics.top_share)),
        MapMeasure("frobenius", "Size ‖ΔW‖", _of_sigma(metrics.frobenius)),
        MapMeasure("spectral", "Largest σ", _of_sigma(metrics.spectral)),
    )
}
"""What spectra alone tell, by key."""


def measured(base: BaseComparison | None, use: FunctionalSpectra | None) -> dict[str, MapMeasure]:
    """Return the measures that rest on measurements with the model, as far as they were made."""
    found: list[MapMeasure] = []
    if base is not None:
        sizes = {m.name: m.update_norm / m.base_norm for m in base.modules if m.base_norm > 0}
        intruders = {m.name: float(m.intruders.count("intruder")) for m in base.modules}
        possible = {
            m.name: intruders[m.name] + m.intruders.count("borderline") for m in base.modules
        }
        found += [
            MapMeasure("relative_size", "Size ‖ΔW‖ ÷ ‖W₀‖", lambda _: sizes),
            MapMeasure("intruders", "Intruders, sure", lambda _: intruders, whole=True),
            MapMeasure("possible_intruders", "Intruders, possible", lambda _: possible, whole=True),
        ]
    if use is not None:
        felt = {m.name: float(np.linalg.norm(m.sensitivity)) for m in use.modules}
        used = {m.name: float(m.energy_rank()) for m in use.modules}
        found += [
            MapMeasure("functional_rank", "Directions your data use", lambda _: used, whole=True),
            MapMeasure("sensitivity", "Sensitivity", lambda _: felt),
        ]
    return {measure.key: measure for measure in found}


def values(spectra: AdapterSpectra, measure: MapMeasure) -> Numbers:
    """Return the measure by module name."""
    return measure.compute(spectra)
