"""The folder for vLLM, which ignores both patterns and multiplies by α/r."""

from collections.abc import Sequence
from typing import ClassVar

from core.exporters.base import EXPORTERS, FactorsOnly, mixed_ranks
from core.ranks.actions.draft import Slot
from core.ranks.actions.layout import Layout


@EXPORTERS.register("vllm")
class Vllm(FactorsOnly):
    """vLLM."""

    title: ClassVar[str] = "vLLM"
    summary: ClassVar[str] = "For vLLM and PEFT; vLLM's max_lora_rank must reach its largest rank."
    runtimes = ("vLLM", "PEFT")

    def layout(self, slots: Sequence[Slot]) -> Layout:
        """Return the ranks as they are."""
        return mixed_ranks(slots)
