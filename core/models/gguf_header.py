"""The header of a GGUF file: metadata and tensors, read without touching the weights.

Layout (github.com/ggml-org/ggml, docs/gguf.md): magic, version, number of tensors, number of keys,
the keys with typed values, then name, dimensions, type and offset of each tensor, then the aligned
data. Our own reader, because the one of the `gguf` package wraps every token of the vocabulary in
an object (5 s for 49,152 tokens; this one needs 30 ms), and because a stranger wrote the file: each
length is compared with what is left of the file before anything is allocated.
"""

import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from core.errors import UserError

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_MAX_TENSORS = 1_000_000
_MAX_KEYS = 100_000
_MAX_DIMENSIONS = 4
_MAX_STRING = 16 << 20
_MAX_VOCABULARY = 8_000_000
_KEPT_ITEMS = 1024  # longer arrays are vocabularies: only their length is kept
_STRING, _ARRAY = 8, 9
_SCALARS = {
    0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d",
}  # fmt: skip
# Number of the type: name, weights in a block, bytes of a block (ggml.h; compared with `gguf` in
# the tests).
TYPES: Mapping[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22), 7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 40),
    10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110), 12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50), 20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136), 24: ("I8", 1, 1), 25: ("I16", 1, 2),
    26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8), 29: ("IQ1_M", 256, 56),
    30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17),
}  # fmt: skip


@dataclass(frozen=True)
class GgufTensor:
    """One tensor; `shape` is in the order of Hugging Face, the reverse of the file's."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    size_bytes: int


@dataclass(frozen=True)
class GgufHeader:
    """What a GGUF file says of itself; of long arrays only the length is kept."""

    metadata: Mapping[str, Any]
    tensors: tuple[GgufTensor, ...]


def read_gguf(file: Path) -> GgufHeader:
    """Read the header of `file`.

    Raises:
        UserError: It cannot be read, is no GGUF file, is damaged or cut off.
    """
    try:
        with (
            file.open("rb") as stream,
            mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            return _Reader(file.name, data).header()
    except (OSError, ValueError) as error:  # mmap refuses an empty file with ValueError
        raise UserError(
            f"{file.name} cannot be read: {error}.", "Download or copy the file again."
        ) from error


class _Reader:
    """Walks through the header; every read is checked against the end of the file."""

    def __init__(self, name: str, data: mmap.mmap) -> None:
        self.name = name
        self.data = data
        self.size = len(data)
        self.at = 0

    def header(self) -> GgufHeader:
        """Read everything before the data, and check that the data is all there."""
        if self._bytes(4) != _MAGIC:
            raise self._damaged("it does not begin with GGUF")
        version, tensors, keys = self._unpack("<IQQ")
        if version not in _VERSIONS:
            raise self._damaged(f"version {version} is unknown")
        if tensors > _MAX_TENSORS or keys > _MAX_KEYS:
            raise self._damaged(f"it announces {tensors:,} tensors and {keys:,} keys")
        metadata = {self._string(): self._value(*self._unpack("<I")) for _ in range(keys)}
        specs = tuple(self._tensor() for _ in range(tensors))
        self._check_data(specs, metadata.get("general.alignment", 32))
        return GgufHeader(metadata, tuple(tensor for tensor, _ in specs))

    def _bytes(self, count: int) -> bytes:
        self._skip(count)
        return self.data[self.at - count : self.at]

    def _skip(self, count: int) -> None:
        if count > self.size - self.at:
            raise UserError(
                f"{self.name} is cut off inside its header: "
                f"at least {count - (self.size - self.at):,} bytes are missing.",
                "Download or copy the file again.",
            )
        self.at += count

    def _unpack(self, layout: str) -> tuple[Any, ...]:
        return struct.unpack(layout, self._bytes(struct.calcsize(layout)))

    def _string(self) -> str:
        (length,) = self._unpack("<Q")
        if length > _MAX_STRING:
            raise self._damaged(f"it announces a text of {length:,} bytes")
        return self._bytes(length).decode("utf-8", errors="replace")

    def _value(self, kind: int) -> Any:
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            return self._array()
        return self._unpack("<" + self._scalar(kind))[0]

    def _scalar(self, kind: int) -> str:
        try:
            return _SCALARS[kind]
        except KeyError:
            raise self._damaged(f"a value has the unknown type {kind}") from None

    def _array(self) -> Any:
        kind, count = self._unpack("<IQ")
        if kind == _STRING:
            return self._skip_strings(count)
        layout = self._scalar(kind)
        if count > _KEPT_ITEMS:
            self._skip(count * struct.calcsize(layout))
            return count
        return list(self._unpack(f"<{count}{layout}"))

    def _skip_strings(self, count: int) -> int:
        """Jump over a vocabulary; the one loop that must be quick."""
        if count > _MAX_VOCABULARY:
            raise self._damaged(f"it announces a list of {count:,} texts")
        data, at, last = self.data, self.at, self.size - 8
        length_at = struct.Struct("<Q").unpack_from
        for _ in range(count):
            if at > last:
                self._skip(self.size)  # always too much: says what is missing
            at += 8 + length_at(data, at)[0]
        self._skip(at - self.at)
        return count

    def _tensor(self) -> tuple[GgufTensor, int]:
        name = self._string()
        (count,) = self._unpack("<I")
        if count > _MAX_DIMENSIONS:
            raise self._damaged(f"{name} has {count} dimensions")
        *dimensions, kind, offset = self._unpack(f"<{count}QIQ")
        if kind not in TYPES:
            raise self._damaged(f"{name} has the unknown type {kind}")
        dtype, block, block_bytes = TYPES[kind]
        elements = prod(dimensions)
        if elements % block:
            raise self._damaged(f"{name} does not fit into blocks of {block}")
        size = elements // block * block_bytes
        return GgufTensor(name, tuple(reversed(dimensions)), dtype, size), offset

    def _check_data(self, specs: tuple[tuple[GgufTensor, int], ...], alignment: Any) -> None:
        if type(alignment) is not int or alignment < 1:
            raise self._damaged("its alignment is no number")
        begin = -(-self.at // alignment) * alignment
        end = begin + max((offset + tensor.size_bytes for tensor, offset in specs), default=0)
        if end > self.size:
            raise UserError(
                f"{self.name} is cut off: {end - self.size:,} bytes are missing at its end.",
                "Download or copy the file again.",
            )

    def _damaged(self, what: str) -> UserError:
        return UserError(
            f"{self.name} is no GGUF file that we can read: {what}.",
            "Download or copy the file again.",
        )
