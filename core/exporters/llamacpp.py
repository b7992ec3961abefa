"""The folder that llama.cpp's convert_lora_to_gguf.py turns into a GGUF adapter.

llama.cpp takes the rank from the tensor and knows one α for all: it multiplies by α/r_i.
"""

from collections.abc import Sequence
from typing import ClassVar

from core.errors import UserError
from core.exporters.base import EXPORTERS, FactorsOnly
from core.ranks.actions.draft import Draft, Slot
from core.ranks.actions.layout import Layout, largest_rank, rank_pattern


@EXPORTERS.register("llamacpp")
class LlamaCpp(FactorsOnly):
    """llama.cpp."""

    title: ClassVar[str] = "llama.cpp"
    summary: ClassVar[str] = "For llama.cpp's convert_lora_to_gguf.py and PEFT; wrong in vLLM."
    runtimes = ("llama.cpp", "PEFT")

    def check(self, draft: Draft) -> None:
        """Refuse tables of embeddings too: the converter knows lora_A and lora_B alone.

        Raises:
            UserError: There is more than B and A of linear modules.
        """
        super().check(draft)
        table = next((slot.name for slot in draft.slots if slot.embedding), "")
        if table:
            raise UserError(
                f"{table} is a table of embeddings, which llama.cpp cannot adapt.",
                "Choose the profile peft or vllm.",
            )

    def layout(self, slots: Sequence[Slot]) -> Layout:
        """Return the ranks as they are, under one α; B takes on r_i/α."""
        return Layout(largest_rank(slots), largest_rank(slots), rank_pattern(slots))
