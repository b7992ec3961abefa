"""The live factors of an adapter, for its spectra while it trains."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from peft import PeftModel

from core.ranks import save_ranks, spectra_of

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


def write_spectra(model: PeftModel, path: Path) -> None:
    """Write the singular values of all adapted modules to `path`."""
    save_ranks(path, spectra_of(live_factors(model)))
