"""VeRA (arXiv:2310.11454): random matrices that all modules share, and two learned vectors."""

import math
from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from core.errors import UserError
from core.ranks.families.base import FAMILIES, Change, Description, StoredModule, by
from core.ranks.metrics import Array
from core.ranks.update import Update

_SEED_BITS = 0xFFFFFFFF
_FRACTION_BITS = 24  # torch draws float32 from the lower 24 bits


@FAMILIES.register("vera")
class Vera:
    """ΔW = (λ_b ⊙ B)·(λ_d ⊙ A), with the first rows of B and columns of A that W needs.

    The file does not tell how many inputs a module has, so the shapes of the base are needed.
    """

    title: ClassVar[str] = "VeRA"
    own: ClassVar[frozenset[str]] = frozenset({"vera_lambda_b", "vera_lambda_d"})
    also: ClassVar[frozenset[str]] = frozenset({"vera_A", "vera_B"})

    @staticmethod
    def changes(module: StoredModule, description: Description) -> Iterator[Change]:
        """Yield ΔW of the module."""
        out, inner = module.tensor("vera_lambda_b"), module.tensor("vera_lambda_d")
        m, n = description.shapes()[module.name]
        if out.shape != (m,) or inner.ndim != 1:
            raise UserError(
                f"vera_lambda_b of {module.name} has the shape {by(out.shape)}, but the base model "
                f"has {m} outputs there.",
                "Choose the model that the adapter was trained on.",
            )
        rank = len(inner)
        if "vera_A" in module or "vera_B" in module:
            a, b = module.matrix("vera_A"), module.matrix("vera_B")
            if len(a) != rank or b.shape[1] != rank or b.shape[0] < m or a.shape[1] < n:
                raise module.misfit("vera_A", "vera_B", "vera_lambda_b", "vera_lambda_d")
        else:
            a, b = _drawn_again(description, rank)
        scaling = description.scaling(module, rank)
        yield Update(module.name, out[:, None] * b[:m], inner[:, None] * a[:, :n], scaling)


def _drawn_again(description: Description, rank: int) -> tuple[Array, Array]:
    """Return A and B as PEFT draws them on a CPU from the seed in the configuration.

    Raises:
        UserError: There is no seed.
    """
    seed = description.option("projection_prng_key")
    if type(seed) is not int or seed < 0:
        raise UserError(
            f"The shared matrices vera_A and vera_B are not in the file, and their seed "
            f"(projection_prng_key = {seed!r}) is no number.",
            "Save the adapter again with save_projection.",
        )
    shapes = description.shapes().values()
    outputs, inputs = (max(sizes) for sizes in zip(*shapes, strict=True))
    random = np.random.RandomState(seed & _SEED_BITS)  # the same Mersenne twister as torch's
    return _kaiming(random, (rank, inputs)), _kaiming(random, (outputs, rank))


def _kaiming(random: np.random.RandomState, shape: tuple[int, int]) -> Array:
    """Return what `uniform_` draws between ±√6/√fan_in: one float32 rounding, as torch's."""
    bound = np.float32(math.sqrt(3.0) * (math.sqrt(2) / math.sqrt(shape[1])))
    words = np.frombuffer(random.bytes(4 * math.prod(shape)), "<u4")
    fractions = (words & (2**_FRACTION_BITS - 1)) * 2.0**-_FRACTION_BITS
    drawn = (fractions * float(bound + bound) - float(bound)).astype("<f4")
    return np.asarray(drawn, np.float64).reshape(shape)
