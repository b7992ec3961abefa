"""The weight manifest that a config.json promises, for planning before anything is downloaded.

Names and shapes are those of the modules in transformers 5.23 (compared with them in the tests).
"""

from collections.abc import Iterable, Iterator, Mapping
from math import prod
from typing import Any

from core.models.architecture import read_config
from core.models.families.base import Shape, UnknownFamily
from core.models.info import Architecture, TensorSpec

_DTYPES = {"bfloat16": ("BF16", 2), "float16": ("F16", 2), "float32": ("F32", 4)}
_USUAL = ("BF16", 2)


def expected_tensors(
    content: Mapping[str, Any], architecture: Architecture
) -> tuple[TensorSpec, ...]:
    """Return the tensors of the model that a config.json describes.

    Raises:
        UnknownFamily: The family is not one whose tensors we can derive.
        UserError: A number that only its tensors need is missing or absurd.
    """
    text, family = read_config(content, architecture.family)
    if family is None:
        raise UnknownFamily.of(f"the family {architecture.family!r}")
    layout = family.layout(text, architecture)
    dtype, size = stored_type(text.values)
    return (
        *_specs("", layout.before, dtype, size),
        *(
            spec
            for layer, block in enumerate(layout.blocks)
            for spec in _specs(f"{layout.stem}.{layer}.", block, dtype, size)
        ),
        *_specs("", layout.after, dtype, size),
    )


def stored_type(values: Mapping[str, Any]) -> tuple[str, int]:
    """Return the number type that a config names, as in safetensors, and its bytes."""
    named = str(values.get("dtype") or values.get("torch_dtype"))
    return _DTYPES.get(named.removeprefix("torch."), _USUAL)


def _specs(
    stem: str, shapes: Iterable[tuple[str, Shape]], dtype: str, size: int
) -> Iterator[TensorSpec]:
    return (TensorSpec(f"{stem}{name}", shape, dtype, size * prod(shape)) for name, shape in shapes)
