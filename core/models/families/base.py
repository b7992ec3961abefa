"""What transformers 5.23 builds for a family of models, written down so that no torch is needed.

A family is a `model_type`. Its `layout` gives the names and shapes of the modules that transformers
makes from a config.json; the tests build the modules and compare.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.errors import UserError
from core.models.config import Config
from core.models.info import Architecture
from core.registry import Registry

Shape = tuple[int, ...]
Tensor = tuple[str, Shape]
Shapes = Iterator[Tensor]
Block = tuple[Tensor, ...]


class UnknownFamily(UserError):
    """Nobody wrote down the tensors of this model; transformers may know them all the same."""

    @classmethod
    def of(cls, what: str) -> "UnknownFamily":
        """Return the error that the tensors of `what` cannot be told."""
        return cls(
            f"The tensors of {what} cannot be told from config.json.",
            "Put the safetensors files beside it; their headers are enough.",
        )


@dataclass(frozen=True)
class Layout:
    """The tensors of a model.

    Attributes:
        before: Names and shapes before the blocks.
        stem: What the names of a block begin with, but for its number: model.layers, say.
        blocks: Names and shapes inside each block; equal blocks are one object.
        after: Names and shapes behind the blocks.
    """

    before: Block
    stem: str
    blocks: Sequence[Block]
    after: Block


@dataclass(frozen=True, kw_only=True)
class Family:
    """A family of models.

    Attributes:
        layout: Makes the tensors of a model; sizes come from its architecture, which is checked,
            switches from its config.
        defaults: What config.json may leave out, as in the config class of transformers.
        sizes: The same for what a whole config.json always says; a nested one leaves out all that
            equals the class.
        read: Makes the fields of `Architecture` that depend on more than the usual keys.
        prefix: The name of the base model inside of the model with a head.
        transposed: Matrices are stored as (in, out): Conv1D.
        code_only: transformers has no such modules: they were published as code.
    """

    layout: Callable[[Config, Architecture], Layout]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    read: Callable[[Config], Mapping[str, Any]] = lambda _: {}
    prefix: str = "model"
    transposed: bool = False
    code_only: bool = False


FAMILIES: Registry[Family] = Registry("family")


def linear(name: str, rows: int, columns: int, *, bias: bool = False) -> Shapes:
    """Yield the tensors of torch's Linear: (out, in), and (out) for its bias."""
    yield f"{name}.weight", (rows, columns)
    if bias:
        yield f"{name}.bias", (rows,)


def norm(name: str, *shape: int, bias: bool = False) -> Shapes:
    """Yield the tensors of a norm."""
    yield f"{name}.weight", shape
    if bias:
        yield f"{name}.bias", shape


def table(name: str, rows: int, columns: int) -> Shapes:
    """Yield the tensor of an embedding."""
    yield f"{name}.weight", (rows, columns)
