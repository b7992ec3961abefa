"""Measures ΔW against W₀: amplification, place within W₀, and intruders with certificates.

The bounds of c_i = max_j |⟨ũ_i, u_j⟩| (`core.ranks.intruders`) follow from the first K vectors of
W₀, each known to within an angle, and from a Lanczos bound over all of them:

- at least: cos(∠(ũ_i, ũ_j) + both angles) for the best j ≤ K;
- at most: the same with the angles taken off, or what these K leave over, √(1 − Σcos²);
- at most: the Lanczos bound, where the first two leave it open.
"""

from collections.abc import Generator
from math import pi
from typing import Any

import numpy as np
import torch

from core.events import Event, Progress
from core.evidence.base_vectors import BaseVectors
from core.evidence.bench import Bench
from core.evidence.singular import Leading, Operator, largest_cosines, leading
from core.ranks.against_base import AgainstBase, BaseComparison
from core.ranks.intruders import DIRECTIONS, THRESHOLD, Intruders
from core.ranks.update import Decomposition

_ROUNDING = 1e-4  # of a cosine of fp32 vectors; far more than was ever seen
_CONVERGED = 0.1  # radians: a base vector that is known worse counts to the rest
_DOUBLE = 1 << 24  # elements of a matrix that is worth float64 on a processor


def compare_with_base(bench: Bench) -> Generator[Event, None, BaseComparison]:
    """Return the comparison of every module with the weights that it changes.

    Raises:
        Halt: A stop was asked for.
    """
    vectors = BaseVectors(bench.folder, bench.settings.model)
    modules = []
    for number, (name, part) in enumerate(bench.gauge.parts.items()):
        bench.check()
        w = base_weight(bench, name)
        modules.append(against_base(part, w, vectors.of(name, Operator.dense(w))))
        share = (number + 1) / len(bench.gauge.parts)
        yield Progress(phase="evaluating", message=f"Against W₀: {name}", share=share)
    return BaseComparison(modules=tuple(modules), bits=bench.settings.model.bits)


@torch.no_grad()
def base_weight(bench: Bench, name: str) -> torch.Tensor:
    """Return W₀ of a module as (out, in): the very matrix that its adapter was trained on."""
    from peft.utils.integrations import dequantize_module_weight
    from transformers.pytorch_utils import Conv1D

    layer: Any = bench.gauge.layers[name].get_base_layer()
    weight: torch.Tensor = dequantize_module_weight(layer).detach()
    if isinstance(layer, Conv1D):
        weight = weight.T
    double = weight.device.type == "cpu" and weight.numel() <= _DOUBLE
    return weight.to(torch.float64 if double else torch.float32)


@torch.no_grad()
def against_base(part: Decomposition, w: torch.Tensor, base: Leading) -> AgainstBase:
    """Return the comparison of one update with its W₀.

    Args:
        part: ΔW.
        w: W₀, (m, n).
        base: Its leading singular vectors.
    """
    u, v = torch.from_numpy(part.u).to(w), torch.from_numpy(part.v).to(w)
    sigma = torch.from_numpy(part.sigma).to(w)
    inner = (u.T @ (w @ v)).square().cumsum(0).cumsum(1).diagonal()
    energy = sigma.square().sum().clamp_min(torch.finfo(w.dtype).tiny)
    rows, columns = (base.u.T @ u) * sigma, base.v.T @ v  # U₀ᵀ·U·Σ and V₀ᵀ·V, (K, q)
    outputs = rows.square().sum(1).cumsum(0) / energy
    inputs = (columns * sigma).square().sum(1).cumsum(0) / energy
    diagonal = (rows * columns).sum(1).square().cumsum(0) / energy
    matrix = Operator.dense(w)
    return AgainstBase(
        name=part.name,
        shape=(int(w.shape[0]), int(w.shape[1])),
        update_norm=float(np.linalg.norm(part.sigma)),
        base_norm=float(w.norm()),
        sigma=part.sigma,
        base_sigma=base.sigma.tolist(),
        projection=inner.sqrt().tolist(),
        outputs=outputs.tolist(),
        inputs=inputs.tolist(),
        reweighted=diagonal.tolist(),
        intruders=find_intruders(matrix, tuned_vectors(matrix, part), base),
    )


@torch.no_grad()
def tuned_vectors(matrix: Operator, part: Decomposition) -> Leading:
    """Return the first singular vectors of W₀+ΔW."""
    update = part.balanced()
    b, a = (torch.from_numpy(np.ascontiguousarray(x)).to(matrix.like) for x in (update.b, update.a))
    return leading(matrix.plus(b, a), DIRECTIONS, sure=DIRECTIONS)


@torch.no_grad()
def find_intruders(matrix: Operator, tuned: Leading, base: Leading) -> Intruders:
    """Return the bounds of c_i for the first singular vectors of the tuned matrix.

    Args:
        matrix: W₀.
        tuned: Of W₀+ΔW.
        base: Of W₀, its first K.
    """
    cosines = (tuned.u.T @ base.u).abs().clamp(max=1.0)  # (k, K)
    angles = torch.arccos(cosines)
    slack = tuned.angles[:, None] + base.angles[None]
    least = torch.cos((angles + slack).clamp(max=pi / 2))
    known = base.angles <= _CONVERGED
    most = torch.where(known, torch.cos((angles - slack).clamp(min=0.0)), 0.0).amax(1)
    rest = (1 - torch.where(known, least.square(), 0.0).sum(1)).clamp(min=0.0).sqrt()
    if bool(known.all()) and base.u.shape[1] == min(matrix.shape):
        rest = torch.zeros_like(rest)  # W₀ has no others; a tall one does not fill its space
    low, high = least.amax(1) - _ROUNDING, torch.maximum(most, rest) + _ROUNDING
    open_ones = ((low < THRESHOLD) & (high >= THRESHOLD)).nonzero().flatten()
    if len(open_ones):
        bound = largest_cosines(matrix, tuned.u[:, open_ones]).clamp(max=1.0)
        bound = torch.cos((torch.arccos(bound) - tuned.angles[open_ones]).clamp(min=0.0))
        high[open_ones] = torch.minimum(high[open_ones], bound + _ROUNDING)
    return Intruders(
        sigma=tuned.sigma.tolist(),
        low=low.clamp(min=0.0).tolist(),
        high=high.clamp(max=1.0).tolist(),
        closest=tuple(cosines.argmax(1).tolist()),
    )
