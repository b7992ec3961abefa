"""A model's description as JSON data, for the boundary between worker and window."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from core.models.info import Architecture, ModelInfo, TensorSpec


def to_json(info: ModelInfo) -> dict[str, Any]:
    """Return `info` as plain data, with the number of parameters for readers of the JSON."""
    shallow = {field.name: getattr(info, field.name) for field in fields(info)}
    return {
        **shallow,
        "architecture": asdict(info.architecture),
        "tensors": [[t.name, list(t.shape), t.dtype, t.size_bytes] for t in info.tensors],
        "notes": list(info.notes),
        "parameters": info.parameters,
    }


def from_json(content: Mapping[str, Any]) -> ModelInfo:
    """Return what `to_json` was given.

    Raises:
        KeyError: A part is missing.
    """
    plain = {field.name: content[field.name] for field in fields(ModelInfo)}
    return ModelInfo(
        **{
            **plain,
            "architecture": Architecture(**content["architecture"]),
            "tensors": tuple(
                TensorSpec(name, tuple(shape), dtype, size)
                for name, shape, dtype, size in content["tensors"]
            ),
            "notes": tuple(content["notes"]),
        }
    )
