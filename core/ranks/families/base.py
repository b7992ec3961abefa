"""What a family of adapters is: which tensors a module has, and the ΔW that they mean."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from core.errors import UserError
from core.ranks.kronecker import KroneckerUpdate
from core.ranks.metrics import Array
from core.ranks.safetensors_file import SafetensorsFile
from core.ranks.update import Update
from core.registry import Registry

FAMILIES: Registry["type[Family]"] = Registry("adapter family")


@dataclass(frozen=True, eq=False)
class ScaleVector:
    """A change that multiplies: W becomes diag(l)·W ("out") or W·diag(l) ("in").

    Attributes:
        values: l; 1 leaves its row or column as it is.
    """

    name: str
    values: Array
    side: str

    @property
    def changed(self) -> int:
        """How many rows or columns it changes; the rank of ΔW where W has full rank."""
        return int((self.values != 1).sum())


Change = Update | KroneckerUpdate | ScaleVector


@dataclass(frozen=True)
class StoredModule:
    """The tensors of one adapted module, read when asked for.

    Attributes:
        name: Module name in the base model.
        keys: Key in the file by part, as in "lora_A".
    """

    name: str
    keys: Mapping[str, str]
    file: SafetensorsFile

    def __contains__(self, part: object) -> bool:
        return part in self.keys

    def require(self, *parts: str) -> None:
        """Check that all of `parts` are there.

        Raises:
            UserError: One is missing.
        """
        missing = [part for part in parts if part not in self.keys]
        if missing:
            there = next(iter(self.keys))
            raise UserError(
                f"{self.name} has {there} but no {missing[0]}.",
                "The file is incomplete; save it again.",
            )

    def tensor(self, part: str) -> Array:
        """Return a part as it is stored, in float64.

        Raises:
            UserError: It is missing, empty, not finite, or no plain numbers.
        """
        self.require(part)
        key = self.keys[part]
        if 0 in self.file.tensors[key].shape:
            raise self._no_matrix(part)
        values = self.file.read(key)
        if not np.isfinite(values).all():
            raise UserError(
                f"{part} of {self.name} holds numbers that are not finite (NaN or infinity).",
                "The training diverged. Take an earlier checkpoint, or a lower learning rate.",
            )
        return values

    def matrix(self, part: str) -> Array:
        """Return a part that is stored with two axes.

        Raises:
            UserError: As `tensor`, or it has more or fewer axes.
        """
        values = self.flat(part)
        if len(self.file.tensors[self.keys[part]].shape) > 2:
            raise self._no_matrix(part)
        return values

    def flat(self, part: str) -> Array:
        """Return a part as a matrix; a convolution's is flattened to (first axis, all others).

        Raises:
            UserError: As `tensor`, or it has one axis.
        """
        values = self.tensor(part)
        if values.ndim < 2:
            raise self._no_matrix(part)
        return values.reshape(values.shape[0], -1)

    def _no_matrix(self, part: str) -> UserError:
        key = self.keys[part]
        shape = self.file.tensors[key].shape
        return UserError(f"{key} has the shape {shape}, which is no matrix.", "Save it again.")

    def misfit(self, *parts: str) -> UserError:
        """Return the error for parts whose shapes do not belong together."""
        shapes = [f"{self.keys[p]} is {by(self.file.tensors[self.keys[p]].shape)}" for p in parts]
        return UserError(
            f"{' and '.join(shapes)}: these shapes do not fit each other.",
            "The file is damaged, or was put together from several; save it again.",
        )


class Description(Protocol):
    """What is known of an adapter beside its tensors: a configuration, or what a file says."""

    def rank(self, name: str) -> int:
        """Return the rank that it gives for a module."""

    def scaling(self, module: StoredModule, rank: int) -> float:
        """Return s of a module whose matrices have the width `rank`; 0 stands for no width.

        Raises:
            UserError: The rank is another than the adapter's own description says.
        """

    def option(self, key: str) -> Any:
        """Return an entry of the configuration, or None."""

    def shapes(self) -> Mapping[str, tuple[int, int]]:
        """Return (out, in) of all adapted modules in the base model.

        Raises:
            UserError: The base model is not at hand.
        """


class Family(Protocol):
    """How one family of adapters stores ΔW.

    Attributes:
        title: Its name for people.
        own: Parts by which it is recognised.
        also: Parts that it may have besides.
    """

    title: ClassVar[str]
    own: ClassVar[frozenset[str]]
    also: ClassVar[frozenset[str]]

    @staticmethod
    def changes(module: StoredModule, description: Description) -> Iterator[Change]:
        """Yield what the tensors of one module change: one ΔW, or one for each expert.

        Raises:
            UserError: A tensor is missing, or of the wrong shape.
        """


def by(shape: tuple[int, ...]) -> str:
    """Return a shape for people: 12 × 4."""
    return " × ".join(map(str, shape))
