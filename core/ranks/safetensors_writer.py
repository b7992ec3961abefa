"""Writing a safetensors file with NumPy alone, one tensor after the other.

The header stands before the data, so the shapes must be known first; the tensors themselves are
asked for one by one, and an adapter of any size passes through little memory.
"""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from core.errors import UserError
from core.ranks.metrics import Array

ITEM_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
_ALIGNMENT = 8  # of the data, as the format's own writer keeps it


@dataclass(frozen=True)
class TensorEntry:
    """One tensor of the header to come."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    size_bytes: int

    @classmethod
    def of(cls, name: str, dtype: str, shape: tuple[int, ...]) -> "TensorEntry":
        """Return the entry of a tensor of plain numbers (F64, F32, F16 or BF16)."""
        return cls(name, dtype, shape, prod(shape) * ITEM_BYTES[dtype])


def write_safetensors(path: Path, entries: Sequence[TensorEntry], data: Iterable[bytes]) -> None:
    """Write a new file and wait until it is on the disk.

    Args:
        path: The file.
        entries: What it will hold.
        data: The bytes of each tensor, in the same order.

    Raises:
        ValueError: Data and entries do not fit each other.
    """
    with path.open("wb") as file:
        file.write(_header(entries))
        for entry, content in zip(entries, data, strict=True):
            if len(content) != entry.size_bytes:
                raise ValueError(f"{entry.name} has {len(content)} bytes, not {entry.size_bytes}")
            file.write(content)
        file.flush()
        os.fsync(file.fileno())


def encoded(name: str, values: Array, dtype: str) -> bytes:
    """Return the bytes of a tensor; BF16 is rounded to the nearest, halves to even.

    Raises:
        UserError: A number is too large for the type.
    """
    if dtype in ("F64", "F32", "F16"):
        kind = f"<f{ITEM_BYTES[dtype]}"
        with np.errstate(over="ignore"):  # told below
            stored = values.astype(kind)
        finite = bool(np.isfinite(stored).all())
        content = stored.tobytes()
    else:
        bits = values.astype("<f4").view("<u4").astype(np.uint64)
        content = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2").tobytes()
        finite = bool((np.abs(values) < 3.3e38).all())
    if not finite:
        raise UserError(
            f"{name} holds numbers that are too large for {dtype}.",
            "The training diverged. Take an earlier checkpoint, or a lower learning rate.",
        )
    return content


def _header(entries: Sequence[TensorEntry]) -> bytes:
    """Return the length of the table, eight bytes, and the table itself."""
    table: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for entry in entries:
        begin, end = end, end + entry.size_bytes
        table[entry.name] = {
            "dtype": entry.dtype,
            "shape": list(entry.shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(table).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return len(text).to_bytes(8, "little") + text
