"""Small questions to a weight manifest."""

from collections import Counter
from collections.abc import Iterable

from core.models.info import TensorSpec


def main_dtype(tensors: Iterable[TensorSpec]) -> str:
    """Return the number type that most parameters have; empty without tensors."""
    counts: Counter[str] = Counter()
    for tensor in tensors:
        counts[tensor.dtype] += tensor.parameters
    return counts.most_common(1)[0][0] if counts else ""


def in_bf16(tensors: Iterable[TensorSpec]) -> tuple[TensorSpec, ...]:
    """Return the manifest after a conversion to bf16: the same names and shapes, 2 bytes each."""
    return tuple(TensorSpec(t.name, t.shape, "BF16", 2 * t.parameters) for t in tensors)
