"""The weight manifest of safetensors files, from their headers alone.

A file is an unsigned 64-bit little-endian number n, then n bytes of JSON, then the data; each entry
is {"dtype", "shape", "data_offsets": [begin, end]} with offsets from the end of the header
(https://github.com/huggingface/safetensors#format). The checks follow the reference reader: nothing
is allocated before a length was compared with the size of the file.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from core.errors import UserError
from core.models.info import TensorSpec

MAX_HEADER_BYTES = 100_000_000  # the limit of the reference reader
MAX_AXES = 8
_PREFIX = 8
_BITS = {
    **dict.fromkeys(("F4",), 4),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0"), 8),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 16),
    **dict.fromkeys(("U32", "I32", "F32"), 32),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 64),
}
_HINT = "Download or copy the file again."


@dataclass(frozen=True)
class Header:
    """What a file says of itself, after the checks.

    Attributes:
        tensors: Each tensor with the place of its first byte, counted from the start of the file.
        metadata: The file's own notes; texts by name.
        size_bytes: Of the whole file.
    """

    tensors: tuple[tuple[TensorSpec, int], ...]
    metadata: Mapping[str, str]
    size_bytes: int


def read_manifest(file: Path) -> tuple[TensorSpec, ...]:
    """Return the tensors of one file, in the order of their data.

    Raises:
        UserError: The file cannot be read, is not a safetensors file, or is cut off.
    """
    return tuple(spec for spec, _ in read_header(file).tensors)


def read_header(file: Path) -> Header:
    """Return the tensors of one file with their places, and its notes.

    Raises:
        UserError: The file cannot be read, is not a safetensors file, or is cut off.
    """
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(_PREFIX), "little")
            _check_length(file, length, size)
            header = stream.read(length)
    except OSError as error:
        raise UserError(f"{file.name} cannot be read: {error}.", _HINT) from error
    content = _parse(file, header)
    notes = content.pop("__metadata__", None)
    metadata = notes if isinstance(notes, dict) else {}
    specs = _specs(file, content)
    _check_layout(file, specs, size - _PREFIX - length)
    return Header(
        tuple((spec, _PREFIX + length + begin) for spec, begin, _ in specs),
        {key: text for key, text in metadata.items() if isinstance(text, str)},
        size,
    )


def _check_length(file: Path, length: int, size: int) -> None:
    if size < _PREFIX:
        raise UserError(f"{file.name} is no safetensors file: it has {size} bytes.", _HINT)
    if not 2 <= length <= MAX_HEADER_BYTES:
        raise UserError(
            f"{file.name} is no safetensors file: it announces a header of {length:,} bytes.", _HINT
        )
    if _PREFIX + length > size:
        raise _cut_off(file, _PREFIX + length - size, "at least ")


def _cut_off(file: Path, missing: int, least: str = "") -> UserError:
    return UserError(
        f"{file.name} is cut off: {least}{missing:,} bytes are missing at its end.", _HINT
    )


def _damaged(file: Path, what: str) -> UserError:
    return UserError(f"The header of {file.name} is damaged: {what}.", _HINT)


def _parse(file: Path, header: bytes) -> dict[str, Any]:
    try:
        content = json.loads(header)
    except (ValueError, RecursionError):
        raise _damaged(file, "it is no JSON") from None
    if not isinstance(content, dict):
        raise _damaged(file, "it holds no table of tensors")
    return content


def _specs(file: Path, entries: dict[str, Any]) -> list[tuple[TensorSpec, int, int]]:
    """Return (spec, begin, end) for each tensor, sorted by begin."""
    specs = []
    for name, entry in entries.items():
        try:
            dtype, shape = entry["dtype"], tuple(entry["shape"])
            begin, end = entry["data_offsets"]
        except (TypeError, KeyError, ValueError):
            raise _damaged(file, f"the entry of {name} is incomplete") from None
        numbers = (*shape, begin, end)
        if not all(type(number) is int and number >= 0 for number in numbers):
            raise _damaged(file, f"{name} has a size that is no number")
        if not isinstance(dtype, str) or dtype not in _BITS:
            raise _damaged(file, f"{name} has the unknown number type {dtype!r}")
        if len(shape) > MAX_AXES:
            raise _damaged(file, f"{name} has {len(shape)} axes")
        if (end - begin) * 8 != prod(shape) * _BITS[dtype]:
            raise _damaged(file, f"the data of {name} does not fit its shape")
        specs.append((TensorSpec(name, shape, dtype, end - begin), begin, end))
    return sorted(specs, key=lambda item: item[1:])


def _check_layout(file: Path, specs: list[tuple[TensorSpec, int, int]], data: int) -> None:
    """Check that the tensors follow one another without a gap and fill the file exactly."""
    expected = 0
    for spec, begin, end in specs:
        if begin != expected:
            raise _damaged(file, f"the data of {spec.name} does not follow its predecessor")
        expected = end
    if expected > data:
        raise _cut_off(file, expected - data)
    if expected < data:
        raise _damaged(file, f"{data - expected:,} bytes at the end belong to no tensor")
