"""The leading singular vectors of the frozen weights, kept on the disk: they never change."""

import io
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch

from core.durable import replace_file
from core.evidence.singular import Leading, Operator, leading
from core.paths import bases_dir
from core.settings import ModelSettings
from core.training.software import fingerprint

COUNT = 64
"""K: enough to find a place within W₀; 8 billion parameters take 0.4 GB of the cache."""
_SURE = 16  # the first vectors of W₀+ΔW lie among so many, where they are no intruders


class BaseVectors:
    """The first K singular vectors of every matrix of one base model.

    4-bit weights are another base: their vectors are those of the matrix that they stand for.
    """

    def __init__(self, folder: Path, model: ModelSettings) -> None:
        bits = f"{model.bits}{'d' if model.bits == 4 and model.double_quant else ''}"
        self._folder = bases_dir() / f"{fingerprint(folder)[:20]}-{bits}"

    def of(self, name: str, matrix: Operator) -> Leading:
        """Return those of one module, from the disk where they are."""
        file = self._folder / f"{name}.npz"
        found = _load(file, matrix)
        if found is None:
            found = leading(matrix, COUNT, sure=_SURE)
            _keep(file, found)
        return found


def _load(file: Path, matrix: Operator) -> Leading | None:
    try:
        with np.load(file, allow_pickle=False) as stored:
            u, sigma, angles = (
                torch.from_numpy(stored[key]).to(matrix.like) for key in ("u", "sigma", "angles")
            )
    except (OSError, ValueError, KeyError, BadZipFile):
        return None
    if len(u) != matrix.shape[0]:
        return None
    return Leading(u, sigma, _right(matrix, u), angles)


def _right(matrix: Operator, u: torch.Tensor) -> torch.Tensor:
    """Return the right singular vectors: Wᵀ·u/σ, which needs no room on the disk."""
    v = matrix.pulled(u)
    lengths: torch.Tensor = v.norm(dim=0).clamp_min(torch.finfo(v.dtype).tiny)
    return v / lengths


def _keep(file: Path, found: Leading) -> None:
    content = io.BytesIO()
    u, sigma, angles = (x.float().cpu().numpy() for x in (found.u, found.sigma, found.angles))
    np.savez(content, u=u, sigma=sigma, angles=angles)
    file.parent.mkdir(parents=True, exist_ok=True)
    replace_file(file, content.getvalue())
