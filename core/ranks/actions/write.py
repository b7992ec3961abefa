"""Writing a draft as a PEFT folder, and reading it back as each runtime will."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.durable import sync_folder, write_synced
from core.errors import UserError
from core.model_card import model_card
from core.ranks.actions.draft import Draft, Slot
from core.ranks.actions.layout import RULES, Layout, Profile
from core.ranks.adapter_config import read_config
from core.ranks.metrics import Array, frobenius
from core.ranks.peft_format import CONFIG_FILE, WEIGHTS_FILE
from core.ranks.read_adapter import AdapterFiles
from core.ranks.safetensors_writer import TensorEntry, encoded, write_safetensors
from core.ranks.spectra import PREFIX
from core.ranks.update import Update, concatenate, singular_values
from core.refusals import way_out

_TOLERANCE = {"F32": 1e-6, "F16": 1e-2, "BF16": 1e-2}
"""Largest ‖ΔW read − ΔW meant‖/‖ΔW‖ of a module: the rounding of the stored type, with room."""


@dataclass(frozen=True)
class Written:
    """A finished folder.

    Attributes:
        path: Where it is.
        modules, parameters: What it holds in A and B.
        rank: The largest.
        size_bytes: Of the file with the matrices.
        verified: By runtime, the largest ‖ΔW read − ΔW meant‖/‖ΔW‖ of a module.
    """

    path: str
    modules: int
    parameters: int
    rank: int
    size_bytes: int
    verified: dict[str, float]


def write_adapter(
    draft: Draft, out: Path, profile: Profile, check: Callable[[], None] = lambda: None
) -> Written:
    """Write a draft into the new folder `out`, which appears when it is complete and verified.

    `check` is called before that; where it raises, nothing appears.

    Raises:
        UserError: The folder exists, nothing is left to write, the adapter cannot be written or
            the runtime would refuse it, the disk does, or what was written gives another ΔW.
    """
    if draft.obstacle is not None:
        raise draft.obstacle
    if not draft.slots:
        raise UserError(
            f"Nothing is left of {draft.name}: every module would be dropped.",
            "Keep more: a higher rank, share of the energy or number of parameters.",
        )
    profile.check(draft)
    layout = profile.layout(draft.slots)
    with _new_folder(out) as unfinished:
        entries = [*_entries(draft, layout)]
        write_safetensors(unfinished / WEIGHTS_FILE, entries, _data(draft, layout))
        config = json.dumps(_config(draft, layout), indent=2, ensure_ascii=False)
        write_synced(unfinished / CONFIG_FILE, config.encode())
        write_synced(unfinished / "README.md", _card(draft).encode())
        verified = _verify(draft, unfinished, profile)
        check()
    return Written(
        path=str(out),
        modules=len(draft.slots),
        parameters=sum(layout.stored_rank(slot.name) * sum(slot.shape) for slot in draft.slots),
        rank=layout.rank,
        size_bytes=(out / WEIGHTS_FILE).stat().st_size,
        verified=verified,
    )


@contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """Yield an empty folder that is called `out` once the block is through, or gone."""
    unfinished = out.with_name(f".tmp-{os.getpid()}-{out.name}")
    try:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            hint = "Choose a new folder: nothing is overwritten."
            raise UserError(f"{out} exists already.", hint)
        unfinished.mkdir(parents=True)
        yield unfinished
        sync_folder(unfinished)
        if out.exists():
            out.rmdir()  # it is empty; not every system renames onto it
        unfinished.rename(out)
        sync_folder(out.parent)
    except OSError as error:
        raise UserError(
            f"{out} cannot be written: {error.strerror or error}.",
            way_out(error),
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _entries(draft: Draft, layout: Layout) -> Iterator[TensorEntry]:
    for slot in draft.slots:
        rank = layout.stored_rank(slot.name)
        for key, shape in zip(_keys(slot), _shapes(slot, rank), strict=True):
            yield TensorEntry.of(key, draft.dtype, shape)
    for tensor in draft.carried:
        stored = tensor.file.tensors[tensor.key]
        yield TensorEntry(tensor.key, stored.dtype, stored.shape, stored.size_bytes)


def _keys(slot: Slot) -> tuple[str, str]:
    """Return the names of A and B in the file, as PEFT calls them."""
    stem = PREFIX + slot.name
    if slot.embedding:
        return f"{stem}.lora_embedding_A", f"{stem}.lora_embedding_B"
    return f"{stem}.lora_A.weight", f"{stem}.lora_B.weight"


def _shapes(slot: Slot, rank: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the shapes of A and B in the file."""
    rows, columns = slot.shape
    if slot.embedding:  # ΔW is the transpose of their product
        return (rank, rows), (columns, rank)
    if slot.window:
        inputs = columns // int(np.prod(slot.window))
        return (rank, inputs, *slot.window), (rows, rank, *(1 for _ in slot.window))
    return (rank, columns), (rows, rank)


def _data(draft: Draft, layout: Layout) -> Iterator[bytes]:
    for slot, update in zip(draft.slots, draft.updates(), strict=True):
        b, a = _factors(update, layout)
        stored = (b.T, a.T) if slot.embedding else (a, b)
        for key, matrix in zip(_keys(slot), stored, strict=True):
            yield encoded(key, np.ascontiguousarray(matrix), draft.dtype)
    for tensor in draft.carried:
        yield tensor.file.raw(tensor.key)


def _factors(update: Update, layout: Layout) -> tuple[Array, Array]:
    """Return B and A with what the config does not say of the scaling in B, padded to its rank."""
    given = layout.scaling(update.name)
    b = update.b if given == update.scaling else update.b * (update.scaling / given)
    missing = layout.stored_rank(update.name) - update.rank
    return np.pad(b, ((0, 0), (0, missing))), np.pad(update.a, ((0, missing), (0, 0)))


def _config(draft: Draft, layout: Layout) -> dict[str, Any]:
    """Return adapter_config.json; `^` lets a pattern match the full name alone."""
    return {
        "peft_type": "LORA",
        "task_type": None,
        "base_model_name_or_path": draft.base_model,
        "inference_mode": True,
        "r": layout.rank,
        "lora_alpha": layout.alpha,
        "lora_dropout": 0.0,
        "rank_pattern": {f"^{name}": rank for name, rank in layout.ranks.items()},
        "alpha_pattern": {f"^{name}": alpha for name, alpha in layout.alphas.items()},
        "use_rslora": False,
        "target_modules": [slot.name for slot in draft.slots],
        **draft.settings,
    }


def _card(draft: Draft) -> str:
    return model_card(
        name=draft.name,
        summary="LoRA adapter, made from others with Rankscope.",
        base=draft.base_model,
        facts=[*draft.story, ("Parameters", f"{draft.parameters:,}")],
    )


def _verify(draft: Draft, folder: Path, profile: Profile) -> dict[str, float]:
    """Return the largest relative error by runtime.

    Raises:
        UserError: It is larger than what rounding explains.
    """
    config = read_config(folder / CONFIG_FILE)
    errors = dict.fromkeys(profile.runtimes, 0.0)
    for meant, read in zip(draft.updates(), AdapterFiles(folder).updates(), strict=True):
        found: dict[float, float] = {}
        for runtime in profile.runtimes:
            scaling = RULES[runtime](config, read.name, read.rank)
            if scaling not in found:
                found[scaling] = _error(meant, read, scaling)
            errors[runtime] = max(errors[runtime], found[scaling])
            if not found[scaling] <= _TOLERANCE[draft.dtype]:
                raise UserError(
                    f"{read.name} would differ by {found[scaling]:.2g} of its norm in {runtime}.",
                    f"Its numbers do not survive the rounding to {draft.dtype}; nothing was left.",
                )
    return errors


def _error(meant: Update, read: Update, scaling: float) -> float:
    """Return ‖scaling·B·A − ΔW‖/‖ΔW‖, the numerator alone where ΔW = 0."""
    difference = concatenate([replace(read, scaling=scaling), meant], [1.0, -1.0])
    norm = float(frobenius(singular_values(meant)))
    return float(frobenius(singular_values(difference))) / (norm or 1.0)
