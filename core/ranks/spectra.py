"""The singular values of an adapter, module by module, with their sums and nulls."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath, PureWindowsPath

import numpy as np
from numpy.typing import NDArray

from core.errors import UserError
from core.models.info import LinearModule, ModelInfo, ModuleGrid, flow, locate
from core.ranks import metrics
from core.ranks.dora import DoraSplit
from core.ranks.families import ScaleVector
from core.ranks.kronecker import Block, KroneckerUpdate
from core.ranks.metrics import Array
from core.ranks.null import Null, unit_null
from core.ranks.update import Update, singular_values, too_large

PREFIX = "base_model.model."
"""What PEFT writes before the module names of the base model."""
_OUTSIDE = (1_000_000, "")  # sorts modules of no numbered block, such as lm_head, to the end


@dataclass(frozen=True, kw_only=True)
class AdapterInfo:
    """What is known of an adapter beside its matrices.

    Attributes:
        family: "lora", "rslora", "dora" or a name in `core.ranks.families.FAMILIES`.
        base_model: What the adapter says it was made for; may be empty.
        rank, alpha: The common ones; single modules may differ (`ModuleSpectrum.rank`).
        dtype: Number type of the stored matrices, as in safetensors ("BF16").
        notes: Sentences about what the spectra do not show.
    """

    name: str = ""
    path: str = ""
    family: str = "lora"
    base_model: str = ""
    rank: int = 0
    alpha: float = 0.0
    dtype: str = ""
    parameters: int = 0
    size_bytes: int = 0
    notes: tuple[str, ...] = ()

    @property
    def base_name(self) -> str:
        """The base model's name for people: a hub id as it is, of a path its last part."""
        is_path = PurePosixPath(self.base_model).is_absolute() or "\\" in self.base_model
        return PureWindowsPath(self.base_model).name if is_path else self.base_model


@dataclass(frozen=True, eq=False)
class ModuleSpectrum:
    """The update of one module.

    Attributes:
        name: Module name in the base model, as in model.layers.3.self_attn.q_proj.
        shape: (out, in) of W.
        rank: r, the width of B and A; what the update could use.
        scaling: s in ΔW = s·B·A.
        singular_values: σ₁ ≥ … of ΔW, min(m, n, r) of them.
        blocks: The two sides where ΔW is a Kronecker product, for its null.
        floor: σ/σ₁ below which the values are rounding; 0 for algorithm R.
        base_norm: ‖W₀‖ in the Frobenius norm; 0 where the base model is not at hand.
        dora: The learned lengths of DoRA, where the base model is at hand.
    """

    name: str
    shape: tuple[int, int]
    rank: int
    scaling: float
    singular_values: Array
    blocks: tuple[Block, ...] = ()
    floor: float = 0.0
    base_norm: float = 0.0
    dora: DoraSplit | None = None

    @property
    def trained(self) -> bool:
        """False while B = 0, as LoRA starts."""
        return bool(self.singular_values[0] > 0)

    @cached_property
    def scalars(self) -> Mapping[str, float]:
        """The norms and ratios of `core.ranks.metrics` by name."""
        measures = {**metrics.NORMS, **metrics.RATIOS}
        return {name: float(measure(self.singular_values)) for name, measure in measures.items()}

    @cached_property
    def energy_rank(self) -> Mapping[str, int]:
        """Directions that keep 90, 95 and 99 % of the energy Σσ², by share ("0.95")."""
        return {
            f"{share:.2f}": int(metrics.energy_rank(self.singular_values, share))
            for share in metrics.ENERGY_SHARES
        }

    @property
    def smallest(self) -> float:
        """What a singular value must exceed to say anything: rounding, or `floor` where larger."""
        relative = max(max(self.shape) * np.finfo(np.float64).eps, self.floor)
        return float(relative * self.singular_values[0])

    @cached_property
    def nuclear_rank(self) -> Mapping[str, int]:
        """Directions that keep 90, 95 and 99 % of the sum Σσ, by share."""
        return {
            f"{share:.2f}": int(metrics.nuclear_rank(self.singular_values, share))
            for share in metrics.ENERGY_SHARES
        }

    @property
    def base_rank(self) -> Mapping[str, int]:
        """Directions above 0.1 and 1 % of ‖W₀‖, by share; empty without the base model."""
        if not self.base_norm:
            return {}
        return {
            f"{share:.3f}": int(metrics.base_rank(self.singular_values, share, self.base_norm))
            for share in metrics.BASE_SHARES
        }

    @cached_property
    def numerical_rank(self) -> int:
        """Singular values above `smallest`; 0 while untrained."""
        return int((self.singular_values > self.smallest).sum())

    @property
    def reliable(self) -> NDArray[np.bool_]:
        """Which singular values stand above the floor, (q,)."""
        return np.asarray(self.singular_values >= self.floor * self.singular_values[0])

    @property
    def relative_size(self) -> float | None:
        """‖ΔW‖/‖W₀‖, where the base model is at hand."""
        return self.scalars["frobenius"] / self.base_norm if self.base_norm else None

    @property
    def random_energy_rank(self) -> Mapping[str, tuple[int, int]]:
        """The null of `energy_rank`: it does not depend on the norm, so it is cheap."""
        return unit_null(self.shape, self.rank, self.blocks).energy_rank

    @cached_property
    def null(self) -> Null:
        """The same numbers for a random update of equal shape, rank and norm."""
        return unit_null(self.shape, self.rank, self.blocks).scaled(self.scalars["frobenius"])


@dataclass(frozen=True, eq=False)
class AdapterSpectra:
    """The spectra of a whole adapter, modules in the order of their layers.

    Attributes:
        vectors: What has no spectrum of its own: the vectors of IA³.
    """

    modules: tuple[ModuleSpectrum, ...]
    adapter: AdapterInfo = field(default_factory=AdapterInfo)
    vectors: tuple[ScaleVector, ...] = ()

    @cached_property
    def by_name(self) -> Mapping[str, ModuleSpectrum]:
        """Modules by name."""
        return {module.name: module for module in self.modules}

    @cached_property
    def grid(self) -> ModuleGrid:
        """The adapted modules as layers × kinds; those outside the blocks are left out."""
        placed = [(module, locate(module.name)) for module in self.modules]
        cells = [LinearModule(m.name, *place, m.shape) for m, place in placed if place]
        return ModuleGrid(tuple(cells))

    def grid_within(self, model: ModelInfo | None) -> ModuleGrid:
        """Return the grid of the base where the adapter belongs to it, else the adapter's own."""
        belongs = model is not None and all(name in model.grid.by_name for name in self.by_name)
        return model.grid if model is not None and belongs else self.grid

    @property
    def trained(self) -> bool:
        """True as soon as one module has changed."""
        return any(m.trained for m in self.modules) or any(v.changed for v in self.vectors)

    @cached_property
    def layer_concentration(self) -> float:
        """The Herfindahl-Hirschman index of the layers: Σ (share of Σσ² in a layer)².

        1/L where L layers share the energy evenly, 1 where one layer has it all, 0 while untrained.
        """
        energy: dict[int, float] = defaultdict(float)
        for module in self.modules:
            energy[(locate(module.name) or _OUTSIDE)[0]] += module.scalars["frobenius"] ** 2
        total = sum(energy.values())
        return sum((part / total) ** 2 for part in energy.values()) if total else 0.0


def module_spectrum(update: Update | KroneckerUpdate) -> ModuleSpectrum:
    """Return the spectrum of one module.

    Raises:
        UserError: A matrix holds NaN or infinity.
        ValueError: The shapes do not fit each other.
    """
    name, shape, rank, scaling = update.name, update.shape, update.rank, update.scaling
    if isinstance(update, KroneckerUpdate):
        sigma = _finite(name, update.singular_values)
        return ModuleSpectrum(name, shape, rank, scaling, sigma, blocks=update.blocks)
    _check(update)
    return ModuleSpectrum(
        name, shape, rank, scaling, _finite(name, lambda: singular_values(update))
    )


def _finite(name: str, compute: Callable[[], Array]) -> Array:
    """Return singular values.

    Raises:
        UserError: The numbers are finite, but so large that their products are not.
    """
    with np.errstate(over="ignore", invalid="ignore"), suppress(np.linalg.LinAlgError):
        sigma = compute()
        if np.isfinite(sigma).all() and np.isfinite((sigma**2).sum()):
            return sigma
    raise too_large(name)


def _check(update: Update) -> None:
    b, a = update.b, update.a
    if b.ndim != 2 or a.ndim != 2 or b.shape[1] != a.shape[0] or 0 in b.shape + a.shape:
        raise ValueError(f"{update.name}: B {b.shape} and A {a.shape} do not fit each other")
    for side, factor in (("lora_B", b), ("lora_A", a)):
        if not np.isfinite(factor).all():
            raise UserError(
                f"{side} of {update.name} holds numbers that are not finite (NaN or infinity).",
                "The training diverged. Take an earlier checkpoint, or a lower learning rate.",
            )


def spectra_of(updates: Iterable[Update], adapter: AdapterInfo | None = None) -> AdapterSpectra:
    """Return the spectra of the updates of an adapter.

    Raises:
        UserError: A matrix holds NaN or infinity.
    """
    modules = [module_spectrum(update) for update in updates]
    return in_order(modules, adapter or _bare_info(modules))


def _bare_info(modules: list[ModuleSpectrum]) -> AdapterInfo:
    return AdapterInfo(
        rank=max((module.rank for module in modules), default=0),
        parameters=sum(module.rank * sum(module.shape) for module in modules),
    )


def in_order(
    modules: list[ModuleSpectrum], adapter: AdapterInfo, vectors: Iterable[ScaleVector] = ()
) -> AdapterSpectra:
    """Return the spectra by layer, and inside a layer as data flows: attention, then MLP."""
    ordered = sorted(modules, key=lambda module: place_of(module.name))
    return AdapterSpectra(tuple(ordered), adapter, tuple(vectors))


def plain_name(name: str) -> str:
    """Return the name in the base model, without PEFT's wrapping."""
    return name.removeprefix(PREFIX)


def place_of(name: str) -> tuple[int, bool, int]:
    """Return what a module is sorted by: its layer, then the way the data flow in it."""
    layer, kind = locate(name) or _OUTSIDE
    return (layer, *flow(kind))
