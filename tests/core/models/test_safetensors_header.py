"""The header reader against the safetensors library, and against broken files."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from core.errors import UserError
from core.models.safetensors_header import read_manifest


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    tensors = {
        "b": np.zeros((3, 5), np.float16),
        "a": np.zeros((2, 2, 2), np.float32),
        "scalar": np.zeros((), np.int64),
        "empty": np.zeros((0, 4), np.uint8),
        "flag": np.zeros(3, np.bool_),
    }
    save_file(tensors, path, metadata={"format": "pt"})
    return path


def write(path: Path, header: object, data: bytes = b"", length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    size = len(text) if length is None else length
    path.write_bytes(size.to_bytes(8, "little") + text + data)
    return path


def entry(begin: int, end: int, shape: list[int], dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def test_agrees_with_the_library(file: Path) -> None:
    specs = {spec.name: spec for spec in read_manifest(file)}
    with safe_open(file, "np") as library:
        names = list(library.keys())
        assert sorted(specs) == sorted(names)
        for name in names:
            part = library.get_slice(name)
            assert list(specs[name].shape) == part.get_shape()
            assert specs[name].dtype == part.get_dtype()
            assert specs[name].size_bytes == library.get_tensor(name).nbytes


def test_a_cut_file_says_how_much_is_missing(file: Path) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[:-17])
    with pytest.raises(UserError, match=r"model\.safetensors is cut off: 17 bytes are missing"):
        read_manifest(file)


def test_a_file_cut_inside_its_header(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:60])
    with pytest.raises(UserError, match="cut off: at least"):
        read_manifest(file)


BROKEN = {
    "empty": (b"", 0),
    "huge header": (b"{}", 10**12),
    "largest header": (b"{}", 2**64 - 1),
    "no json": (b"\x80garbage", None),
    "deep json": (b'{"a":' + b"[" * 100_000, None),
    "a list": ([1, 2], None),
    "no shape": ({"a": {"dtype": "F32", "data_offsets": [0, 0]}}, None),
    "entry is text": ({"a": "F32"}, None),
    "negative shape": ({"a": entry(0, 4, [-1])}, None),
    "boolean shape": ({"a": entry(0, 4, [True])}, None),
    "unknown type": ({"a": entry(0, 4, [1], "F7")}, None),
    "type is a list": ({"a": {"dtype": [], "shape": [], "data_offsets": [0, 0]}}, None),
    "wrong size": ({"a": entry(0, 4, [2])}, None),
    "overlap": ({"a": entry(0, 4, [1]), "b": entry(2, 6, [1])}, None),
    "gap": ({"a": entry(4, 8, [1])}, None),
    "reversed": ({"a": entry(8, 4, [1])}, None),
    "left over": ({"a": entry(0, 4, [1])}, None),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_header_is_one_clear_error(case: str, tmp_path: Path) -> None:
    header, length = BROKEN[case]
    path = write(tmp_path / "x.safetensors", header, b"\0" * 8, length)
    with pytest.raises(UserError, match=r"x\.safetensors"):
        read_manifest(path)
    with pytest.raises(SafetensorError), safe_open(path, "np"):
        pass  # the library refuses it as well: we are not stricter than it


def test_a_missing_file_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_manifest(tmp_path / "no.safetensors")
