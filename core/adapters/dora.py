"""DoRA: direction by LoRA, length of every row by a vector of its own (arXiv:2402.09353)."""

from typing import TYPE_CHECKING, ClassVar

from core.adapters.base import ADAPTERS, AdapterSettings, LowRankSettings, lora_config

if TYPE_CHECKING:
    from peft import LoraConfig


class DoraSettings(LowRankSettings):
    """Settings of DoRA."""

    method: str = "dora"


@ADAPTERS.register("dora")
class Dora:
    """DoRA."""

    title: ClassVar[str] = "DoRA"
    summary: ClassVar[str] = "LoRA for the direction, one learned length per output; slower."
    paper: ClassVar[str] = "arXiv:2402.09353"
    Settings: ClassVar[type[AdapterSettings]] = DoraSettings

    @staticmethod
    def parameters(shape: tuple[int, int], settings: LowRankSettings) -> int:
        """Return r·(m + n) + m: the magnitude vector has one entry per output."""
        return settings.rank * sum(shape) + shape[0]

    @staticmethod
    def scaling(settings: LowRankSettings) -> float:
        """Return α/r."""
        return settings.alpha / settings.rank

    @staticmethod
    def peft_config(settings: LowRankSettings, module_names: list[str]) -> "LoraConfig":
        """Return the PEFT configuration that adapts exactly `module_names`."""
        return lora_config(settings, module_names, dora=True)
