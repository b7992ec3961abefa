"""rsLoRA: scaling α/√r keeps the size of the change steady as r grows (arXiv:2312.03732)."""

import math
from typing import TYPE_CHECKING, ClassVar

from core.adapters.base import ADAPTERS, AdapterSettings, LowRankSettings, lora_config

if TYPE_CHECKING:
    from peft import LoraConfig


class RsLoraSettings(LowRankSettings):
    """Settings of rsLoRA."""

    method: str = "rslora"


@ADAPTERS.register("rslora")
class RsLora:
    """rsLoRA."""

    title: ClassVar[str] = "rsLoRA"
    summary: ClassVar[str] = "LoRA with α/√r, so that a higher rank does not learn more timidly."
    paper: ClassVar[str] = "arXiv:2312.03732"
    Settings: ClassVar[type[AdapterSettings]] = RsLoraSettings

    @staticmethod
    def parameters(shape: tuple[int, int], settings: LowRankSettings) -> int:
        """Return r·(m + n), as for LoRA."""
        return settings.rank * sum(shape)

    @staticmethod
    def scaling(settings: LowRankSettings) -> float:
        """Return α/√r."""
        return settings.alpha / math.sqrt(settings.rank)

    @staticmethod
    def peft_config(settings: LowRankSettings, module_names: list[str]) -> "LoraConfig":
        """Return the PEFT configuration that adapts exactly `module_names`."""
        return lora_config(settings, module_names, rslora=True)
