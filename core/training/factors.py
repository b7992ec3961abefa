"""The live factors of an adapter, for its spectra while it trains."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from peft import PeftModel

from core.ranks import AdapterInfo, save_ranks, spectra_of

if TYPE_CHECKING:
    from core.training.trainee import Trainee

Factors = tuple[NDArray[np.float32], NDArray[np.float32], float]

_PREFIX = "base_model.model."


def live_factors(model: PeftModel) -> dict[str, Factors]:
    """Return B (out, r), A (r, in) and the scaling of every adapted module, fp32 on the CPU."""
    factors: dict[str, Factors] = {}
    for name, module in model.named_modules():
        if not hasattr(module, "lora_B") or "default" not in module.lora_B:
            continue
        b, a = (x["default"].weight.detach().float().cpu() for x in (module.lora_B, module.lora_A))
        factors[name.removeprefix(_PREFIX)] = (b.numpy(), a.numpy(), module.scaling["default"])
    return factors


def write_spectra(trainee: "Trainee", path: Path) -> None:
    """Write the singular values of all adapted modules to `path`."""
    adapter = trainee.settings.adapter
    info = AdapterInfo(
        name=trainee.settings.name,
        family=adapter.method,
        base_model=trainee.base_name,
        rank=getattr(adapter, "rank", 0),
        alpha=getattr(adapter, "alpha", 0.0),
        dtype="F32",
        parameters=trainee.trainable_parameters,
    )
    save_ranks(path, spectra_of(live_factors(trainee.model), info))
