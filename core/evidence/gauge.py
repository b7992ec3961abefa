"""The factors of a loaded adapter, rewritten so that its components can be left out one by one.

Every module is put into the gauge B = U·diag(σ)/s, A = Vᵀ of its ΔW = U·diag(σ)·Vᵀ. That changes
no output, and column k of B belongs to component k alone. With orthonormal rows of A the inputs
z = A·x and the gradient of B stay well conditioned where σ_k is tiny.

Only a copy that was loaded to be measured may be rewritten: the moments of an optimizer would not
fit the factors any more.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from peft import PeftModel

from core.ranks import Decomposition, Update, decompose
from core.ranks.metrics import Array
from core.ranks.selection import Mask
from core.training.factors import PREFIX, live_updates


class Gauge:
    """The adapter of `model` as components.

    Attributes:
        parts: The decomposition of each adapted module, by its name in the base model.
        layers: PEFT's layers, by the same names.
    """

    def __init__(self, model: PeftModel) -> None:
        self.parts: dict[str, Decomposition] = {}
        self.layers: dict[str, Any] = {}
        for update in live_updates(model):
            self.parts[update.name] = decompose(update)
            self.layers[update.name] = model.get_submodule(PREFIX + update.name)
        self.restore()

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """(m, n) of each module."""
        return {name: (len(part.u), len(part.v)) for name, part in self.parts.items()}

    @property
    def sigma(self) -> dict[str, Array]:
        """σ of each module."""
        return {name: part.sigma for name, part in self.parts.items()}

    def scaling(self, name: str) -> float:
        """Return s of a module."""
        return float(self.layers[name].scaling["default"])

    def b(self, name: str) -> torch.nn.Parameter:
        """Return the live B of a module, (m, r)."""
        weight: torch.nn.Parameter = self.layers[name].lora_B["default"].weight
        return weight

    def a(self, name: str) -> torch.nn.Parameter:
        """Return the live A of a module, (r, n)."""
        weight: torch.nn.Parameter = self.layers[name].lora_A["default"].weight
        return weight

    def restore(self) -> None:
        """Put every component back."""
        self.put(gauged(part, part.sigma) for part in self.parts.values())

    def keep(self, kept: Mapping[str, Mask]) -> None:
        """Leave only the components for which `kept` is true, (q,) by module."""
        self.change({name: self.parts[name].sigma * mask for name, mask in kept.items()})

    def change(self, sigma: Mapping[str, Array]) -> None:
        """Give the components other singular values, (q,) by module, in their order."""
        self.put(gauged(self.parts[name], values) for name, values in sigma.items())

    @torch.no_grad()
    def put(self, updates: Iterable[Update]) -> None:
        """Let modules compute these updates instead; none may be wider than its factors.

        Raises:
            ValueError: An update is wider than the factors of its module.
        """
        for update in updates:
            b, a = self.b(update.name), self.a(update.name)
            if update.rank > len(a):
                raise ValueError(f"{update.name}: rank {update.rank} does not fit {len(a)}")
            factor = update.scaling / self.scaling(update.name)
            b.zero_()
            a.zero_()
            b[:, : update.rank] = torch.from_numpy(update.b * factor).to(b)
            a[: update.rank] = torch.from_numpy(np.ascontiguousarray(update.a)).to(a)


def gauged(part: Decomposition, sigma: Array) -> Update:
    """Return U·diag(σ)·Vᵀ as B = U·diag(σ), A = Vᵀ, scaling 1."""
    return Update(part.name, part.u * sigma, part.v.T)
