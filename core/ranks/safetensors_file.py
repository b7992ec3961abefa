"""Reading single tensors of a safetensors file with NumPy alone.

BF16 has no NumPy type: its 16 bits are the upper half of a float32.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import UserError
from core.models.safetensors_header import read_header
from core.ranks.metrics import Array

PLAIN: Mapping[str, str] = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}


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

    Attributes:
        metadata: The file's own notes, as Diffusers and kohya write them.

    Raises:
        UserError: The file is missing, cut off, or no safetensors file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        header = read_header(path)
        self.size_bytes, self.metadata = header.size_bytes, header.metadata
        self.tensors = {
            spec.name: StoredTensor(spec.name, spec.dtype, spec.shape, start, spec.size_bytes)
            for spec, start in header.tensors
        }

    def read(self, name: str) -> Array:
        """Return a tensor as float64.

        Raises:
            UserError: Its number type is none of F64, F32, F16 and BF16, or the file changed.
        """
        tensor = self.tensors[name]
        if tensor.dtype not in PLAIN:
            raise UserError(
                f"{name} is stored as {tensor.dtype}, which holds no plain numbers.",
                "Save the adapter in float32, float16 or bfloat16.",
            )
        values = np.frombuffer(self.raw(name), PLAIN[tensor.dtype])
        if tensor.dtype == "BF16":
            values = (values.astype("<u4") << 16).view("<f4")
        return values.astype(np.float64).reshape(tensor.shape)

    def raw(self, name: str) -> bytes:
        """Return the bytes of a tensor, of whatever number type.

        Raises:
            UserError: The file changed.
        """
        tensor = self.tensors[name]
        with self.path.open("rb") as file:
            file.seek(tensor.start)
            data = file.read(tensor.size_bytes)
        if len(data) != tensor.size_bytes:
            raise UserError(
                f"{self.path.name} is damaged: {name} ends before its data does.",
                "The file changed while it was read. Open it again.",
            )
        return data
