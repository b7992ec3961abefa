"""The only folder that PEFT, vLLM and llama.cpp scale alike: every module has the same rank."""

from collections.abc import Sequence
from typing import ClassVar

from core.exporters.base import EXPORTERS, FactorsOnly
from core.ranks.actions.draft import Slot
from core.ranks.actions.layout import Layout, largest_rank


@EXPORTERS.register("universal")
class Universal(FactorsOnly):
    """Universal."""

    title: ClassVar[str] = "Universal"
    summary: ClassVar[str] = "For all three; small ranks are padded with zeros."
    runtimes = ("PEFT", "vLLM", "llama.cpp")

    def layout(self, slots: Sequence[Slot]) -> Layout:
        """Return one rank, the largest, for all."""
        return Layout(largest_rank(slots), largest_rank(slots))
