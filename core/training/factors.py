"""The live updates of an adapter, for its spectra while it trains."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from peft import PeftModel

from core.ranks import AdapterInfo, Update, save_ranks, spectra_of

if TYPE_CHECKING:
    from core.training.trainee import Trainee

PREFIX = "base_model.model."


def live_updates(model: PeftModel) -> Iterator[Update]:
    """Yield ΔW of every adapted module in float64 on the CPU, one after the other."""
    for name, module in model.named_modules():
        if not hasattr(module, "lora_B") or "default" not in module.lora_B:
            continue
        b, a = (x["default"].weight.detach().cpu().double() for x in (module.lora_B, module.lora_A))
        plain = name.removeprefix(PREFIX)
        yield Update(plain, b.numpy(), a.numpy(), module.scaling["default"])


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
    save_ranks(path, spectra_of(live_updates(trainee.model), info))
