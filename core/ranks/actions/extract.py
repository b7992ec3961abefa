"""A LoRA from dense matrices: the difference of two models, or a DoRA adapter with its base.

These matrices have full rank, so the result is an approximation whose error is told per module.
"""

import math
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from core.errors import UserError
from core.models.info import ModelInfo
from core.models.starter import HUB_ID
from core.ranks.actions.dense import approximate
from core.ranks.actions.draft import WIDE, Draft, Slot, opened
from core.ranks.base_weights import BaseWeights
from core.ranks.dora import ROWS, DoraSplit
from core.ranks.metrics import Array
from core.ranks.read_adapter import AdapterFiles

Dense = tuple[Slot, Array]
"""The place of a module, and the matrix (m, n) that its factors shall come near."""


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


Steps = Generator[tuple[int, int], None, Extraction]
"""Yields (matrices done, all of them) after each matrix; returns what came of them."""


def finished(steps: Steps) -> Extraction:
    """Go through all steps and return what came of them."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Extraction = end.value
            return found


def extract(base: ModelInfo, tuned: ModelInfo, rank: int, energy: float = 1.0) -> Steps:
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

    def differences() -> Iterator[Dense]:
        for module in base.grid.modules:
            old = before.matrix(module.name, module.shape)
            place = Slot(module.name, module.shape, 0)
            yield place, after.matrix(module.name, module.shape) - old

    empty = Draft(
        name=tuned.name,
        base_model=HUB_ID if base.kind == "starter" else base.source,
        dtype=WIDE,
        slots=(),
        updates=lambda: iter(()),
        settings={"task_type": "CAUSAL_LM", "fan_in_fan_out": base.transposed},
        story=(("Extracted from", f"{tuned.name} − {base.name}"),),
    )
    total = len(base.grid.modules)
    found = yield from _extraction(empty, differences(), total, rank, energy)
    in_blocks = [module.name for module in base.grid.modules]
    return replace(found, left_out=before.changed(after, in_blocks))


def convert_dora(path: Path, base: ModelInfo, rank: int, energy: float = 1.0) -> Steps:
    """Return a DoRA adapter as a LoRA of a rank; ΔW = (D − I)·W₀ + s·(D·B)·A has full rank.

    Args:
        path: The DoRA adapter.
        base: Its base model, whose weights are read matrix by matrix.
        rank: The most components of a module.
        energy: Share of ‖ΔW‖² that is enough.

    Raises:
        UserError: It is no DoRA adapter, or the weights of its base are not at hand.
    """
    weights, source = weights_of(base), opened(path)
    files = AdapterFiles(path, base=base, weights=weights)
    places = {slot.name: slot for slot in source.slots}

    def changes() -> Iterator[Dense]:
        for spectrum in files:
            magnitude = files.magnitude(spectrum.name)
            if magnitude is None or spectrum.dora is None:
                raise UserError(
                    f"{spectrum.name} has no learned lengths, so that this is no DoRA adapter.",
                    "Convert it without --base: it has exact factors.",
                )
            w0 = weights.matrix(spectrum.name, spectrum.shape)
            change = _dora_change(spectrum.dora, w0, along_rows=magnitude.side == ROWS)
            yield places[spectrum.name], change

    plain = _without_lengths(source)
    return (yield from _extraction(plain, changes(), files.total, rank, energy))


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


def _without_lengths(source: Draft) -> Draft:
    """Return a DoRA adapter as a plain one, with what else it holds."""
    settings = {key: value for key, value in source.settings.items() if key != "use_dora"}
    lengths = ("lora_magnitude_vector", "dora_scale")
    carried = tuple(t for t in source.carried if not any(part in t.key for part in lengths))
    return replace(source, settings=settings, carried=carried, dtype=WIDE, obstacle=None)


def _dora_change(parts: DoraSplit, w0: Array, *, along_rows: bool) -> Array:
    ratios = parts.ratios[:, None] if along_rows else parts.ratios
    added = parts.directional
    return np.asarray((ratios - 1) * w0 + added.scaling * (added.b @ added.a))


def _extraction(
    source: Draft, matrices: Iterable[Dense], total: int, rank: int, energy: float
) -> Steps:
    """Approximate matrices one by one; their factors stay in memory, no larger than the result."""
    if rank < 1 or not 0 < energy <= 1:
        raise UserError(
            f"A rank of {rank} with a share of {energy:g} keeps nothing, or more than there is.",
            "Choose a rank of 1 or more, and a share between 0 and 1.",
        )
    updates, modules = [], []
    for done, (place, matrix) in enumerate(matrices, 1):
        found = approximate(place.name, matrix, rank, energy)
        k, numbers = len(found.part.sigma), (found.norm, found.error, found.above_noise)
        if k:
            made = found.part.balanced()
            updates.append(replace(made, embedding=place.embedding, window=place.window))
            modules.append(ExtractedModule(place.name, place.shape, k, *numbers))
        yield done, total
    if not updates:
        raise UserError("No matrix differs.", "Choose two models of which one was trained on.")
    kept = tuple(updates)
    error = _error(modules)
    slots = tuple(Slot.of(update) for update in kept)
    told = f"rank up to {rank}: ‖ΔW − ΔW_k‖/‖ΔW‖ = {error:.3g}"
    draft = source.resized(slots, lambda: iter(kept), ("Approximated", told))
    return Extraction(draft, tuple(modules), error)


def _error(modules: Iterable[ExtractedModule]) -> float:
    whole = math.fsum(module.norm**2 for module in modules)
    left = math.fsum((module.error * module.norm) ** 2 for module in modules)
    return math.sqrt(left / whole) if whole else 0.0
