"""What a run was made with: versions of the libraries, which base model, and which rows."""

import hashlib
import platform
from array import array
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from core.data.encode import Example

_PACKAGES = ("rankscope", "torch", "transformers", "peft", "bitsandbytes", "tokenizers")
_SAMPLE_BYTES = 1 << 20
_WEIGHTS = ("*.safetensors", "*.gguf")


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that decide the numbers."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found


def fingerprint(model: Path) -> str:
    """Return a SHA-256 that tells one base model from another without reading all of it.

    It covers config.json and, of every file of weights, its size and its first and last MiB: the
    header with all names, shapes and types, and a sample of the numbers.
    """
    digest = hashlib.sha256()
    if model.is_file():
        _add_sample(digest, model)
        return digest.hexdigest()
    config = model / "config.json"
    if config.is_file():
        digest.update(config.read_bytes())
    for file in sorted(found for pattern in _WEIGHTS for found in model.glob(pattern)):
        _add_sample(digest, file)
    return digest.hexdigest()


def rows_fingerprint(rows: Iterable[Example]) -> str:
    """Return a SHA-256 of all token ids and masks: the same number of rows can hold other words."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(array("q", row.ids).tobytes())
        digest.update(bytes(row.trained))
    return digest.hexdigest()


def _add_sample(digest: "hashlib._Hash", path: Path) -> None:
    size = path.stat().st_size
    digest.update(f"{path.name}:{size}".encode())
    with path.open("rb") as file:
        digest.update(file.read(_SAMPLE_BYTES))
        file.seek(max(0, size - _SAMPLE_BYTES))
        digest.update(file.read(_SAMPLE_BYTES))
