"""IA³ (arXiv:2205.05638): a vector that multiplies the outputs or the inputs of a module."""

from collections.abc import Iterator
from typing import ClassVar

from core.ranks.families.base import FAMILIES, Change, Description, ScaleVector, StoredModule

_SIDES = {0: "out", 1: "in"}


@FAMILIES.register("ia3")
class Ia3:
    """ΔW = diag(l − 1)·W₀ or W₀·diag(l − 1): the vector is the whole story.

    PEFT stores l as a column (out, 1) for outputs and as a row (1, in) for inputs.
    """

    title: ClassVar[str] = "IA³"
    own: ClassVar[frozenset[str]] = frozenset({"ia3_l"})
    also: ClassVar[frozenset[str]] = frozenset()

    @staticmethod
    def changes(module: StoredModule, description: Description) -> Iterator[Change]:
        """Yield the vector of the module."""
        values = module.tensor("ia3_l")
        lengths = [axis for axis, size in enumerate(values.shape) if size != 1]
        if values.ndim < 2 or len(lengths) > 1:
            raise module.misfit("ia3_l")
        if values.ndim > 2:  # a convolution's vector is always (1, channels, 1, 1)
            side = "in" if _is_feedforward(module, description) else "out"
        elif lengths:
            side = _SIDES[lengths[0]]
        else:
            side = "in" if _is_feedforward(module, description) else "out"
        yield ScaleVector(module.name, values.ravel(), side)


def _is_feedforward(module: StoredModule, description: Description) -> bool:
    """Tell whether the configuration has the vector multiply the inputs of this module."""
    names = description.option("feedforward_modules")
    if isinstance(names, str):
        return False
    return any(module.name.endswith(str(name)) for name in names or ())
