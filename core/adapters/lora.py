"""LoRA: W stays frozen, ΔW = (α/r)·B·A is learned (Hu et al., arXiv:2106.09685, eq. 3)."""

from typing import TYPE_CHECKING, ClassVar

from core.adapters.base import ADAPTERS, AdapterSettings, LowRankSettings, lora_config

if TYPE_CHECKING:
    from peft import LoraConfig


@ADAPTERS.register("lora")
class Lora:
    """LoRA."""

    title: ClassVar[str] = "LoRA"
    summary: ClassVar[str] = "Learns a change of rank r beside each frozen matrix."
    paper: ClassVar[str] = "arXiv:2106.09685"
    Settings: ClassVar[type[AdapterSettings]] = LowRankSettings

    @staticmethod
    def parameters(shape: tuple[int, int], settings: LowRankSettings) -> int:
        """Return r·(m + n) for W of shape (m, n): B is (m, r), A is (r, n)."""
        return settings.rank * sum(shape)

    @staticmethod
    def scaling(settings: LowRankSettings) -> float:
        """Return α/r."""
        return settings.alpha / settings.rank

    @staticmethod
    def peft_config(settings: LowRankSettings, module_names: list[str]) -> "LoraConfig":
        """Return the PEFT configuration that adapts exactly `module_names`."""
        return lora_config(settings, module_names)
