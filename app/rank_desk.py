"""What the whole Ranks page is about: the spectra that are shown, one module of them, and one k."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.rank_source import RankSource

if TYPE_CHECKING:  # core.ranks brings NumPy, for which the first frame does not wait
    from core.ranks import AdapterSpectra, ModuleSpectrum


class RankDesk(QObject):
    """The selection that all views share.

    Attributes:
        source: Where the spectra come from.
        module: The selected module, None while there are no spectra.
        k: How many directions of every module are kept, 0 to the largest rank.

    Signals (GUI thread):
        spectra_changed: Other spectra are shown, and with them perhaps another module.
        module_changed: Another module was selected.
        k_changed: k was moved.
    """

    spectra_changed = Signal()
    module_changed = Signal()
    k_changed = Signal()

    def __init__(self, source: RankSource) -> None:
        super().__init__()
        self.source = source
        self.module: ModuleSpectrum | None = None
        self.k = 0
        source.changed.connect(self._on_source)

    @property
    def spectra(self) -> "AdapterSpectra | None":
        """What is shown, or None."""
        return self.source.spectra

    @property
    def largest_k(self) -> int:
        """The most directions that a module has."""
        modules = self.spectra.modules if self.spectra is not None else ()
        return max((len(module.singular_values) for module in modules), default=0)

    def select(self, name: str) -> None:
        """Make another module the one of the whole page; an unknown one is ignored."""
        found = self.spectra.by_name.get(name) if self.spectra is not None else None
        if found is not None and found is not self.module:
            self.module = found
            self.module_changed.emit()

    def step_module(self, step: int) -> None:
        """Go to the next (1) or the previous (−1) module."""
        if self.spectra is not None and self.module is not None:
            names = list(self.spectra.by_name)
            index = names.index(self.module.name) + step
            self.select(names[min(max(index, 0), len(names) - 1)])

    def set_k(self, k: int) -> None:
        """Keep so many directions of every module."""
        k = min(max(k, 0), self.largest_k)
        if k != self.k:
            self.k = k
            self.k_changed.emit()

    def _on_source(self) -> None:
        spectra = self.spectra
        if spectra is None:
            self.module = None
        else:
            name = self.module.name if self.module is not None else ""
            self.module = spectra.by_name.get(name) or _largest(spectra)
            if self.k == 0 and self.module.trained:  # begin where 95 % are kept
                self.k = self.module.energy_rank["0.95"]
            self.k = min(self.k, self.largest_k)
        self.spectra_changed.emit()


def _largest(spectra: "AdapterSpectra") -> "ModuleSpectrum":
    """Return the module that the page shows before the user has chosen one."""
    return max(spectra.modules, key=lambda module: float(module.singular_values[0]))
