"""A LoRA from dense matrices: the difference of two models, or a DoRA adapter with its base.

These matrices have full rank, so the result is an approximation whose error is told per module.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from core.errors import UserError
from core.models.info import ModelInfo
from core.ranks.actions.dense import approximate
from core.ranks.actions.draft import WIDE, Draft, Slot
from core.ranks.base_weights import BaseWeights
from core.ranks.dora import ROWS, DoraSplit
from core.ranks.metrics import Array
from core.ranks.read_adapter import AdapterFiles


@dataclass(frozen=True)
class ExtractedModule:
    """How well one module was met.

    Attributes:
        rank: k.
        norm: ‖D‖ of the dense matrix.
        error: ‖D − D_k‖/‖D‖.
        above_noise: See `core.ranks.actions.dense.Approximation`.
    """

    name: str
    shape: tuple[int, int]
    rank: int
    norm: float
    error: float
    above_noise: int


@dataclass(frozen=True, eq=False)
class Extraction:
    """Factors of dense matrices.

    Attributes:
        draft: The adapter; modules that did not change have no place in it.
        error: ‖D − D_k‖/‖D‖ over all modules together.
        left_out: Changed tensors that no adapter of matrices can hold, such as norms.
    """

    draft: Draft
    modules: tuple[ExtractedModule, ...]
    error: float
    left_out: tuple[str, ...] = ()


def extract(base: ModelInfo, tuned: ModelInfo, rank: int, energy: float = 1.0) -> Extraction:
    """Return what full fine-tuning changed in the matrices of the blocks, as a LoRA.

    The weights are read matrix by matrix.

    Args:
        base: The model before.
        tuned: The model after.
        rank: The most components of a module.
        energy: Share of ‖ΔW‖² that is enough, so that some modules have fewer.

    Raises:
        UserError: Weights are not at hand as safetensors, shapes differ, or nothing changed.
    """
    before, after = weights_of(base), weights_of(tuned)

    def differences() -> Iterator[tuple[str, Array]]:
        for module in base.grid.modules:
            old = before.matrix(module.name, module.shape)
            yield module.name, after.matrix(module.name, module.shape) - old

    fact = f"{tuned.name} − {base.name}"
    found = _extraction(tuned.name, base.source, differences(), rank, energy, fact)
    in_blocks = [module.name for module in base.grid.modules]
    return replace(found, left_out=before.changed(after, in_blocks))


def convert_dora(path: Path, base: ModelInfo, rank: int, energy: float = 1.0) -> Extraction:
    """Return a DoRA adapter as a LoRA of a rank; ΔW = (D − I)·W₀ + s·(D·B)·A has full rank.

    Args:
        path: The DoRA adapter.
        base: Its base model, whose weights are read matrix by matrix.
        rank: The most components of a module.
        energy: Share of ‖ΔW‖² that is enough.

    Raises:
        UserError: It is no DoRA adapter, or the weights of its base are not at hand.
    """
    weights = weights_of(base)
    files = AdapterFiles(path, base=base, weights=weights)

    def changes() -> Iterator[tuple[str, Array]]:
        for spectrum in files:
            magnitude = files.magnitude(spectrum.name)
            if magnitude is None or spectrum.dora is None:
                raise UserError(
                    f"{spectrum.name} has no learned lengths, so that this is no DoRA adapter.",
                    "Convert it without --base: it has exact factors.",
                )
            w0 = weights.matrix(spectrum.name, spectrum.shape)
            yield spectrum.name, _dora_change(spectrum.dora, w0, along_rows=magnitude.side == ROWS)

    name = files.info.name
    return _extraction(name, files.info.base_model or base.source, changes(), rank, energy, name)


def is_dora(path: Path) -> bool:
    """Tell whether the adapter has learned lengths, so that its ΔW has full rank.

    Raises:
        UserError: There is no adapter.
    """
    return any("magnitude" in module for module, _ in AdapterFiles(path).stored.modules)


def weights_of(model: ModelInfo) -> BaseWeights:
    """Return the weights of a model.

    Raises:
        UserError: They are not at hand as safetensors.
    """
    weights = BaseWeights(model)
    if not weights.at_hand:
        raise UserError(
            f"The weights of {model.name} are not at hand as safetensors.",
            "Choose a model folder; a GGUF file is unpacked to one at its first run or chat.",
        )
    return weights


def _dora_change(parts: DoraSplit, w0: Array, *, along_rows: bool) -> Array:
    ratios = parts.ratios[:, None] if along_rows else parts.ratios
    added = parts.directional
    return np.asarray((ratios - 1) * w0 + added.scaling * (added.b @ added.a))


def _extraction(
    name: str,
    base_model: str,
    matrices: Iterable[tuple[str, Array]],
    rank: int,
    energy: float,
    fact: str,
) -> Extraction:
    """Approximate matrices one by one; their factors stay in memory, no larger than the result."""
    if rank < 1 or not 0 < energy <= 1:
        raise UserError(
            f"A rank of {rank} with a share of {energy:g} keeps nothing, or more than there is.",
            "Choose a rank of 1 or more, and a share between 0 and 1.",
        )
    updates, modules = [], []
    for module, matrix in matrices:
        found = approximate(module, matrix, rank, energy)
        shape, k = (matrix.shape[0], matrix.shape[1]), len(found.part.sigma)
        if k:
            updates.append(found.part.balanced())
            modules.append(
                ExtractedModule(module, shape, k, found.norm, found.error, found.above_noise)
            )
    if not updates:
        raise UserError("No matrix differs.", "Choose two models of which one was trained on.")
    kept = tuple(updates)
    error = _error(modules)
    told = f"{fact}, rank up to {rank}: ‖ΔW − ΔW_k‖/‖ΔW‖ = {error:.3g}"
    draft = Draft(
        name=name,
        base_model=base_model,
        dtype=WIDE,
        slots=tuple(Slot.of(update) for update in kept),
        updates=lambda: iter(kept),
        settings={"task_type": "CAUSAL_LM"},
        story=(("Extracted from", told),),
    )
    return Extraction(draft, tuple(modules), error)


def _error(modules: Iterable[ExtractedModule]) -> float:
    whole = math.fsum(module.norm**2 for module in modules)
    left = math.fsum((module.error * module.norm) ** 2 for module in modules)
    return math.sqrt(left / whole) if whole else 0.0
