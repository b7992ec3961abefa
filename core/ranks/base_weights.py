"""The base model of an adapter: whether it is the right one, and its matrices W₀."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from math import prod
from pathlib import Path

import numpy as np

from core.errors import UserError
from core.models import store
from core.models.info import ModelInfo
from core.models.weights import weight_files
from core.ranks.metrics import Array
from core.ranks.safetensors_file import PLAIN, SafetensorsFile
from core.ranks.spectra import AdapterSpectra, ModuleSpectrum

_EXPERTS = ".experts."


def _alike(one: SafetensorsFile, other: SafetensorsFile, key: str) -> bool:
    if one.tensors[key].dtype == other.tensors[key].dtype:
        return one.raw(key) == other.raw(key)
    return np.array_equal(one.read(key), other.read(key))


class BaseWeights:
    """The matrices of a model on this computer, read one at a time."""

    def __init__(self, model: ModelInfo) -> None:
        self._model = model

    @property
    def at_hand(self) -> bool:
        """Whether there are files of plain numbers; not for 4 bits, or config.json alone."""
        return bool(self._files) and all(
            tensor.dtype in PLAIN for file in self._files for tensor in file.tensors.values()
        )

    def matrix(self, name: str, shape: tuple[int, int]) -> Array:
        """Return W₀ of a module as (out, in), in float64; a convolution's is flattened.

        Raises:
            UserError: There is none of that shape.
        """
        found = self.get(name, shape)
        if found is None:
            raise self._stranger(name, shape)
        return found

    def get(self, name: str, shape: tuple[int, int]) -> Array | None:
        """Return W₀ as `matrix` does, or None where the files have no such name.

        So it is with experts that are fused when they are loaded.

        Raises:
            UserError: It has another shape.
        """
        place = self._find(name)
        if place is None:
            return None
        file, key = place
        stored = file.read(key)
        flat = stored.reshape(stored.shape[0], -1) if stored.ndim > 1 else stored
        flat = flat.T if self._is_transposed(name) else flat
        if flat.shape != shape:
            raise self._stranger(name, shape)
        return np.ascontiguousarray(flat)

    def _stranger(self, name: str, shape: tuple[int, int]) -> UserError:
        return UserError(
            f"{self._model.name} has no matrix {name} of {shape[0]} × {shape[1]}.",
            "Choose the model that the adapter was trained on.",
        )

    def changed(self, other: "BaseWeights", modules: Iterable[str]) -> tuple[str, ...]:
        """Return the keys of tensors that differ in another model, those of `modules` left out."""
        found = (self._find(name) for name in modules)
        known = {place[1] for place in found if place is not None}
        theirs = {key: file for file in other._files for key in file.tensors}
        return tuple(
            key
            for file in self._files
            for key in file.tensors
            if key in theirs and key not in known and not _alike(file, theirs[key], key)
        )

    def _is_transposed(self, name: str) -> bool:
        return self._model.transposed and name in self._model.grid.by_name

    def _find(self, name: str) -> tuple[SafetensorsFile, str] | None:
        """Return the file and key of a module; old files leave the first part of names out."""
        for key in (f"{name}.weight", f"{name.partition('.')[2]}.weight", name):
            for file in self._files:
                if key in file.tensors:
                    return file, key
        return None

    @cached_property
    def _files(self) -> tuple[SafetensorsFile, ...]:
        place = Path(self._model.path)
        folder = store.unpacked(place) if place.suffix == ".gguf" else place
        if not self._model.path or folder is None or not folder.is_dir():
            return ()
        return tuple(SafetensorsFile(file) for file in weight_files(folder))


def check_base(adapter: AdapterSpectra, model: ModelInfo) -> int:
    """Return how many modules of the adapter were compared with the model: all, or none.

    None can be compared where only the model's config.json is at hand.

    Raises:
        UserError: A module has no counterpart of the same shape in the model.
    """
    shapes = {t.name.removesuffix(".weight"): t.shape for t in model.tensors}
    if not shapes:
        return 0
    strangers = [module for module in adapter.modules if not _fits(module, shapes)]
    total = len(adapter.modules)
    if strangers:
        made_for = adapter.adapter.base_name or "another model"
        first = strangers[0]
        raise UserError(
            f"{total - len(strangers)} of {total} modules match: "
            f"this adapter was made for {made_for}, not for {model.name}.",
            f"The first that does not: {first.name}, {first.shape[0]} × {first.shape[1]}. "
            "Choose the model that the adapter was trained on.",
        )
    return total


def _fits(module: ModuleSpectrum, shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Tell whether the model has the module; of experts, which files name in many ways, a block."""
    if _EXPERTS in module.name:
        block = module.name.partition(_EXPERTS)[0] + _EXPERTS
        return any(name.startswith(block) for name in shapes)
    shape = shapes.get(module.name)
    if not shape:
        return False
    return sorted(module.shape) == sorted((shape[0], prod(shape[1:])))
