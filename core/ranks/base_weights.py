"""W₀ of the base model, matrix by matrix, where its files are safetensors of plain numbers."""

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

import numpy as np

from core.errors import UserError
from core.models import store
from core.models.info import ModelInfo
from core.models.weights import weight_files
from core.ranks.metrics import Array
from core.ranks.safetensors_file import PLAIN, SafetensorsFile


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
            UserError: There is none of that shape, or it is stored in another number type.
        """
        found = self._find(name)
        if found is not None:
            file, key = found
            stored = file.read(key)
            flat = stored.reshape(stored.shape[0], -1) if stored.ndim > 1 else stored
            flat = flat.T if self._is_transposed(name) else flat
            if flat.shape == shape:
                return np.ascontiguousarray(flat)
        raise UserError(
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
