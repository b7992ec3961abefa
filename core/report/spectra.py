"""What the adapter learned, in the few numbers of its newest spectra that fit on a page."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from core.errors import UserError
from core.models.info import locate
from core.ranks import AdapterSpectra, ModuleSpectrum, load_ranks

DOMINANT = 0.8
"""Share of the energy in one direction above which a module is as good as of rank one."""


def spectra_rows(folder: Path) -> tuple[str, list[tuple[str, str]]]:
    """Return a sentence about all modules and a row per kind of module; empty without spectra."""
    newest = max(folder.glob("step-*.json"), default=None)
    if newest is None:
        return "", []
    try:
        spectra = load_ranks(newest)
    except UserError:
        return "", []
    learned = [module for module in spectra.modules if module.trained]
    if not learned:
        return "", []
    return _sentence(spectra, learned), list(_kinds(learned))


def _sentence(spectra: AdapterSpectra, learned: list[ModuleSpectrum]) -> str:
    dominated = sum(module.scalars["top_share"] > DOMINANT for module in learned)
    needed = median(module.energy_rank["0.95"] for module in learned)
    words = (
        f"In the middle module {needed:.0f} of {learned[0].rank} directions hold 95 % of the "
        f"energy of what was learned."
    )
    if dominated:
        words += (
            f" In {dominated:,} of {len(spectra.modules):,} modules one direction alone holds more "
            f"than {DOMINANT:.0%}."
        )
    return words


def _kinds(learned: list[ModuleSpectrum]) -> Iterator[tuple[str, str]]:
    """Yield each kind with the medians of its modules."""
    by_kind: dict[str, list[ModuleSpectrum]] = {}
    for module in learned:
        place = locate(module.name)
        by_kind.setdefault(place[1] if place else module.name, []).append(module)
    for kind, modules in by_kind.items():
        strongest = median(float(module.singular_values[0]) for module in modules)
        needed = median(module.energy_rank["0.95"] for module in modules)
        yield kind, f"{len(modules):,} modules, strongest σ {strongest:.3g}, 95 % in {needed:.0f}"
