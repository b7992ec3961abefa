"""Damps the intruder dimensions of an adapter and writes the result as a PEFT folder."""

import os
import shutil
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from peft import get_peft_model_state_dict
from safetensors.torch import save

from core.durable import replace_folder, sync_folder, write_synced
from core.errors import UserError
from core.events import Event, Progress
from core.evidence.against_base import base_weight, find_intruders, tuned_vectors
from core.evidence.base_vectors import BaseVectors
from core.evidence.bench import Bench
from core.evidence.gauge import gauged
from core.evidence.singular import Operator
from core.ranks import adapter_spectra, find_adapter
from core.ranks.damping import Damped, damp
from core.ranks.update import Decomposition
from core.training.snapshot import CONFIG, WEIGHTS

_TOLERANCE = 1e-5  # of σ₁, for what is read back in fp32


@dataclass(frozen=True)
class DampedFolder:
    """What was written.

    Attributes:
        path: The new folder.
        intruders: Directions that were damped, in all modules.
        modules: Modules that had any.
        residual: What the refit to the same rank left behind, over ‖ΔW‖: root mean square over
            these modules.
    """

    path: str
    intruders: int
    modules: int
    residual: float


def damp_modules(bench: Bench, strength: float) -> Generator[Event, None, dict[str, Damped]]:
    """Return the damped update of every module; those without a sure intruder stay as they are.

    Args:
        bench: The loaded model.
        strength: λ, the share of their size that intruders keep.

    Raises:
        Halt: A stop was asked for.
    """
    vectors = BaseVectors(bench.folder, bench.settings.model)
    damped = {}
    for number, (name, part) in enumerate(bench.gauge.parts.items()):
        bench.check()
        matrix = Operator.dense(base_weight(bench, name))
        tuned = tuned_vectors(matrix, part)
        verdicts = find_intruders(matrix, tuned, vectors.of(name, matrix)).verdicts()
        chosen = [i for i, verdict in enumerate(verdicts) if verdict == "intruder"]
        u, sigma, v = (
            x.double().cpu().numpy()
            for x in (tuned.u[:, chosen], tuned.sigma[chosen], tuned.v[:, chosen])
        )
        damped[name] = damp(part, Decomposition(name, u, sigma, v), strength)
        share = (number + 1) / len(bench.gauge.parts)
        yield Progress(phase="evaluating", message=f"Intruders of {name}", share=share)
    return damped


def write_damped(
    bench: Bench, adapter: Path, strength: float, out: Path
) -> Generator[Event, None, DampedFolder]:
    """Write the damped adapter into the new folder `out`, in the layout and rank of the old one.

    Raises:
        UserError: The folder exists, the disk refuses, or what was written does not read back.
        Halt: A stop was asked for.
    """
    if out.exists():
        raise UserError(f"{out} exists already.", "Choose another folder.")
    damped = yield from damp_modules(bench, strength)
    parts = [one.refitted for one in damped.values()]
    try:
        bench.gauge.put(gauged(part, part.sigma) for part in parts)
        weights = save(get_peft_model_state_dict(bench.model), {"format": "pt"})
    finally:
        bench.gauge.restore()
    config = (find_adapter(adapter) / CONFIG).read_bytes()
    _write(out, {CONFIG: config, WEIGHTS: weights})
    _verify(out, parts)
    changed = [one for one in damped.values() if one.intruders]
    residuals = np.array([one.residual for one in changed])
    return DampedFolder(
        path=str(out),
        intruders=sum(one.intruders for one in changed),
        modules=len(changed),
        residual=float(np.sqrt((residuals**2).mean())) if changed else 0.0,
    )


def _write(out: Path, files: dict[str, bytes]) -> None:
    unfinished = out.with_name(f".tmp-{os.getpid()}-{out.name}")
    try:
        unfinished.mkdir(parents=True)
        for name, content in files.items():
            write_synced(unfinished / name, content)
        sync_folder(unfinished)
        replace_folder(unfinished, out)
    except OSError as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise UserError(
            f"{out} cannot be written: {error.strerror or error}.", "Choose another folder."
        ) from error


def _verify(out: Path, parts: list[Decomposition]) -> None:
    """Read the folder back as any program would.

    Raises:
        UserError: Its singular values are not those that were meant.
    """
    found = adapter_spectra(out).by_name
    for part in parts:
        sigma, top = found[part.name].singular_values, max(float(part.sigma[0]), 1e-30)
        if np.abs(sigma - part.sigma).max() > _TOLERANCE * top:
            raise UserError(f"{part.name} in {out} is not what was to be written.", "Try again.")
