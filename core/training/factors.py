"""The live updates of an adapter, for its spectra while it trains."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from peft import PeftModel

from core.ranks import (
    AdapterInfo,
    ModuleSpectrum,
    Update,
    in_order,
    save_ranks,
    spectra_of,
)
from core.ranks.gram import FLOOR, gram_singular_values

if TYPE_CHECKING:
    from core.training.trainee import Trainee

PREFIX = "base_model.model."


class _Adapted(NamedTuple):
    """One adapted module: B (m, r) and A (r, n) where they are trained."""

    name: str
    b: torch.Tensor
    a: torch.Tensor
    scaling: float


def live_updates(model: PeftModel) -> Iterator[Update]:
    """Yield ΔW of every adapted module in float64 on the CPU, one after the other."""
    for name, b, a, scaling in _adapted(model):
        yield Update(name, b.cpu().double().numpy(), a.cpu().double().numpy(), scaling)


def live_spectra(model: PeftModel) -> list[ModuleSpectrum]:
    """Return the spectra by algorithm G: both products where the factors are, r × r to the host.

    In float64, which no TF32 shortens; on Apple's GPUs, which have none, in float32.
    """
    by_rank: dict[int, list[_Adapted]] = defaultdict(list)
    for module in _adapted(model):
        by_rank[module.a.shape[0]].append(module)
    spectra = []
    for rank, modules in by_rank.items():
        kind = torch.float32 if modules[0].a.device.type == "mps" else torch.float64
        products = torch.stack([_grams(m.a.to(kind), m.b.to(kind)) for m in modules])
        g, h = products.cpu().double().numpy().transpose(1, 0, 2, 3)
        sigma = gram_singular_values(g, h, np.array([m.scaling for m in modules]))
        floor = FLOOR[str(kind).removeprefix("torch.")]
        for module, values in zip(modules, sigma, strict=True):
            shape = (module.b.shape[0], module.a.shape[1])
            spectra.append(
                ModuleSpectrum(
                    module.name, shape, rank, module.scaling, values[: min(shape)], floor=floor
                )
            )
    return spectra


def _grams(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return A·Aᵀ and Bᵀ·B, (2, r, r)."""
    return torch.stack([a @ a.T, b.T @ b])


def _adapted(model: PeftModel) -> Iterator[_Adapted]:
    for name, module in model.named_modules():
        if not hasattr(module, "lora_B") or "default" not in module.lora_B:
            continue
        b, a = (x["default"].weight.detach() for x in (module.lora_B, module.lora_A))
        yield _Adapted(name.removeprefix(PREFIX), b, a, module.scaling["default"])


def write_spectra(trainee: "Trainee", path: Path) -> None:
    """Write the singular values of all adapted modules to `path`, by algorithm R."""
    save_ranks(path, spectra_of(live_updates(trainee.model), _info(trainee)))


def write_live_spectra(trainee: "Trainee", path: Path) -> None:
    """Write them by algorithm G, which takes a small part of the time."""
    save_ranks(path, in_order(live_spectra(trainee.model), _info(trainee)))


def _info(trainee: "Trainee") -> AdapterInfo:
    adapter = trainee.settings.adapter
    return AdapterInfo(
        name=trainee.settings.name,
        family=adapter.method,
        base_model=trainee.base_name,
        rank=getattr(adapter, "rank", 0),
        alpha=getattr(adapter, "alpha", 0.0),
        dtype="F32",
        parameters=trainee.trainable_parameters,
    )
