"""Reading an adapter module by module: no torch, no model, no GPU, bounded memory."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path

import numpy as np

from core.errors import UserError
from core.models.info import ModelInfo
from core.ranks.base_weights import BaseWeights
from core.ranks.dora import Magnitude, read_magnitude
from core.ranks.families import FAMILIES, Change, Family, ScaleVector, StoredModule
from core.ranks.find import find_weights
from core.ranks.kronecker import KroneckerUpdate
from core.ranks.measured import Measured, measured
from core.ranks.notes import notes_of
from core.ranks.peft_format import CONFIG_FILE, WEIGHTS_FILE, read_peft
from core.ranks.single_file import read_single_file
from core.ranks.spectra import (
    AdapterInfo,
    AdapterSpectra,
    ModuleSpectrum,
    in_order,
    module_spectrum,
)
from core.ranks.stored import StoredAdapter
from core.ranks.update import Update, change_since, concatenate


class AdapterFiles:
    """An adapter whose headers are checked and whose matrices are read module by module.

    Iterating yields one `ModuleSpectrum` after the other, and `updates` the factors themselves, so
    that only one module is in memory and a window can stay alive in between; `total` tells how many
    modules there are.

    Args:
        path: A folder of PEFT or Diffusers, a run folder, or a safetensors file.
        base: Its base model, where it is at hand; VeRA needs the shapes of it, and kohya's names
            of modules can be read exactly with it.
        weights: Its matrices, if W₀ is to be read too: for relative sizes and the parts of DoRA.
        start: The adapter as training began (B₀, A₀), for starts that changed the base model, such
            as PiSSA: ΔW is then s·(B·A − B₀·A₀).
        earlier: Adapters that were merged into the base before this one, as ReLoRA does; ΔW is
            then the sum of all.

    Attributes:
        folder: Where the adapter lies; of a file by itself, the file.
        stored: What is in it.

    Raises:
        UserError: There is no adapter, or its files are damaged or of another kind.
    """

    def __init__(
        self,
        path: Path,
        *,
        base: ModelInfo | None = None,
        weights: BaseWeights | None = None,
        start: Path | None = None,
        earlier: Sequence[Path] = (),
    ) -> None:
        self.stored = _open(find_weights(Path(path)), base)
        file = self.stored.file.path
        self.folder = file.parent if file.name == WEIGHTS_FILE else file
        self._weights = weights
        self._start = AdapterFiles(start) if start is not None else None
        self._earlier = tuple(AdapterFiles(other) for other in earlier)
        self._by_name = {module.name: (module, family) for module, family in self.stored.modules}
        self.total = sum(_count(*one, self.stored) for one in self.stored.modules)

    def __iter__(self) -> Iterator[ModuleSpectrum]:
        for found in self._all():
            if not isinstance(found.change, ScaleVector):
                spectrum = module_spectrum(found.change)
                yield replace(spectrum, base_norm=found.base_norm, dora=found.dora)

    def updates(self) -> Iterator[Update]:
        """Yield ΔW of every module in factors, read one after the other.

        For DoRA this is the directional part: s·(D·B)·A where W₀ is read, else s·B·A.

        Raises:
            UserError: A module has no factors that are narrower than W.
        """
        for found in self._all():
            yield _in_factors(found.change)

    def vectors(self) -> Iterator[ScaleVector]:
        """Yield what multiplies W instead of adding to it (IA³)."""
        for found in self._all():
            if isinstance(found.change, ScaleVector):
                yield found.change

    def magnitude(self, name: str) -> Magnitude | None:
        """Return the learned lengths of a DoRA module; None where it has none."""
        module, family = self._by_name[name]
        if "magnitude" not in module:
            return None
        (change,) = family.changes(module, self.stored.description)
        assert not isinstance(change, ScaleVector)
        return read_magnitude(module, change.shape)

    def spectra(self, modules: list[ModuleSpectrum]) -> AdapterSpectra:
        """Return the whole, from all modules that iterating gave."""
        vectors = tuple(self.vectors()) if self.stored.family == "ia3" else ()
        whole = in_order(modules, self.info, vectors)
        notes = notes_of(self.stored, trained=whole.trained, since_start=self._start is not None)
        rank = self.stored.rank or max((module.rank for module in modules), default=0)
        return replace(whole, adapter=replace(whole.adapter, notes=notes, rank=rank))

    def _all(self) -> Iterator[Measured]:
        for module, family in self.stored.modules:
            changes = self._combined(module, family)
            while (found := self._next(module, changes)) is not None:
                yield found

    def _next(self, module: StoredModule, changes: Iterator[Change]) -> Measured | None:
        """Return the next change; products that overflow are found where they are used."""
        with np.errstate(over="ignore", invalid="ignore"):
            change = next(changes, None)
            return None if change is None else measured(module, change, self._weights)

    def _combined(self, module: StoredModule, family: type[Family]) -> Iterator[Change]:
        """Yield ΔW of a module, less its start, and with what was merged before."""
        others = [*([self._start] if self._start else []), *self._earlier]
        changes = [other._changes_of(module.name) for other in others]
        for change in family.changes(module, self.stored.description):
            if not changes:
                yield change
                continue
            whole = _in_factors(change)
            if any(whole.name not in found for found in changes):
                raise UserError(
                    f"Not all of the adapters have an update of {whole.name}.",
                    "Choose adapters of the same run.",
                )
            matching = [_in_factors(found[whole.name]) for found in changes]
            if self._start:
                whole = change_since(whole, matching.pop(0))
            yield concatenate([whole, *matching]) if matching else whole

    def _changes_of(self, name: str) -> dict[str, Change]:
        if name not in self._by_name:
            raise UserError(
                f"{self.folder.name} has no update of {name}.",
                "Choose the adapter of the same run.",
            )
        module, family = self._by_name[name]
        return {c.name: c for c in family.changes(module, self.stored.description)}

    @property
    def info(self) -> AdapterInfo:
        """What is known beside the matrices, without notes about them."""
        stored = self.stored
        used = [
            stored.file.tensors[key]
            for key in dict.fromkeys(key for m, _ in stored.modules for key in m.keys.values())
        ]
        matrices = [tensor for tensor in used if tensor.shape]
        return AdapterInfo(
            name=_display_name(self.folder.resolve()),
            path=str(self.folder),
            family=stored.family,
            base_model=stored.base_model,
            rank=stored.rank,
            alpha=stored.alpha,
            dtype="/".join(sorted({tensor.dtype for tensor in matrices})),
            parameters=sum(prod(tensor.shape) for tensor in matrices),
            size_bytes=stored.file.size_bytes,
        )


def adapter_spectra(path: Path, base: ModelInfo | None = None) -> AdapterSpectra:
    """Return the spectra of an adapter; see `AdapterFiles`.

    Raises:
        UserError: There is no adapter, or its files are damaged or of another kind.
    """
    files = AdapterFiles(path, base=base)
    return files.spectra(list(files))


def _open(weights: Path, base: ModelInfo | None) -> StoredAdapter:
    """Return the adapter in a file, by PEFT's rules where its configuration lies beside it."""
    if weights.name == WEIGHTS_FILE and (weights.parent / CONFIG_FILE).is_file():
        return read_peft(weights.parent, base)
    return read_single_file(weights, base)


def _count(module: StoredModule, family: type[Family], stored: StoredAdapter) -> int:
    """Return how many matrices a module adapts: one, or one for each expert."""
    if family is not FAMILIES["experts"] or "lora_A" not in module:
        return 1
    rows, *_ = module.file.tensors[module.keys["lora_A"]].shape or (1,)
    return max(1, rows // stored.description.rank(module.name))


def _in_factors(change: Change) -> Update:
    if isinstance(change, ScaleVector):
        raise UserError(
            f"{change.name} is multiplied by a vector (IA³), which is no low-rank update.",
            "This works with adapters that add B·A.",
        )
    if isinstance(change, KroneckerUpdate):
        if change.rank >= min(change.shape):
            raise UserError(
                f"The LoKr update of {change.name} has full rank, so that it has no factors.",
                "Its spectrum is on the Ranks page; there is nothing to truncate exactly.",
            )
        return change.factors()
    return change


def _display_name(path: Path) -> str:
    """Return a name for people: the run's, where the folder is only called "adapter"."""
    return path.parent.name if path.name == "adapter" else path.name.removesuffix(".safetensors")
