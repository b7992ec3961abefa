"""Reading single tensors of a safetensors file with NumPy alone.

The header comes from a stranger: everything in it is checked against the size of the file before
a byte is reserved for it. BF16 has no NumPy type: its 16 bits are the upper half of a float32.

Format: https://huggingface.co/docs/safetensors (8 bytes little-endian length, JSON, data).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import UserError
from core.ranks.metrics import Array

_LENGTH_BYTES = 8
_MAX_HEADER = 100_000_000  # the limit of the format's own reader
_MAX_AXES = 8
_ITEM_TYPES: Mapping[str, str] = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}


@dataclass(frozen=True)
class StoredTensor:
    """One entry of the header; `start` counts from the beginning of the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    size_bytes: int


class SafetensorsFile:
    """The checked header of a file, and its tensors on request.

    Raises:
        UserError: The file is missing, cut off, or no safetensors file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.size_bytes = path.stat().st_size
            self.tensors = self._read_header()
        except OSError as error:
            raise UserError(
                f"{path} cannot be read: {error.strerror}.", "Check the path."
            ) from None

    def read(self, name: str) -> Array:
        """Return a tensor as float64.

        Raises:
            UserError: Its number type is none of F64, F32, F16 and BF16, or the file changed.
        """
        tensor = self.tensors[name]
        if tensor.dtype not in _ITEM_TYPES:
            raise UserError(
                f"{name} is stored as {tensor.dtype}, which holds no plain numbers.",
                "Save the adapter in float32, float16 or bfloat16.",
            )
        values = np.frombuffer(self.raw(name), np.dtype(_ITEM_TYPES[tensor.dtype]))
        if tensor.dtype == "BF16":
            values = (values.astype("<u4") << 16).view("<f4")
        return values.astype(np.float64).reshape(tensor.shape)

    def raw(self, name: str) -> bytes:
        """Return the bytes of a tensor, of whatever type.

        Raises:
            UserError: The file changed.
        """
        tensor = self.tensors[name]
        with self.path.open("rb") as file:
            file.seek(tensor.start)
            data = file.read(tensor.size_bytes)
        if len(data) != tensor.size_bytes:
            raise self._damaged(f"{name} ends before its data does")
        return data

    def _read_header(self) -> dict[str, StoredTensor]:
        with self.path.open("rb") as file:
            length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
            if not 2 <= length <= min(self.size_bytes - _LENGTH_BYTES, _MAX_HEADER):
                raise self._damaged(f"its header claims {length:,} bytes of {self.size_bytes:,}")
            raw = file.read(length)
        try:
            header = json.loads(raw)
        except (ValueError, RecursionError):
            raise self._damaged("its header is no JSON") from None
        if not isinstance(header, dict):
            raise self._damaged("its header is no table of tensors")
        begin = _LENGTH_BYTES + length
        entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
        return {name: self._entry(name, entry, begin) for name, entry in entries.items()}

    def _entry(self, name: str, entry: Any, begin: int) -> StoredTensor:
        try:
            dtype, shape, (first, last) = entry["dtype"], entry["shape"], entry["data_offsets"]
            sizes = [*shape, first, last]
        except (TypeError, KeyError, ValueError):
            raise self._damaged(f"the entry of {name} is incomplete") from None
        if not isinstance(dtype, str) or not all(type(n) is int and n >= 0 for n in sizes):
            raise self._damaged(f"the entry of {name} holds no sizes")
        if first > last or last > self.size_bytes - begin:
            missing = last - (self.size_bytes - begin)
            raise self._damaged(f"{name} lies outside of it ({missing:,} bytes are missing)")
        if len(shape) > _MAX_AXES or not _fits(dtype, shape, last - first):
            raise self._damaged(f"{name} has {last - first:,} bytes for the shape {shape}")
        return StoredTensor(name, dtype, tuple(shape), begin + first, last - first)

    def _damaged(self, reason: str) -> UserError:
        return UserError(
            f"{self.path.name} is damaged: {reason}.",
            "The file was probably cut off while it was copied. Copy or download it again.",
        )


def _fits(dtype: str, shape: list[int], size_bytes: int) -> bool:
    """Tell whether the bytes are right; types that are not read here are taken at their word."""
    if dtype not in _ITEM_TYPES:
        return True
    return prod(shape) * np.dtype(_ITEM_TYPES[dtype]).itemsize == size_bytes
