"""The folder that PEFT's own `PeftModel.from_pretrained` loads, and Rankscope writes by default."""

from collections.abc import Sequence
from typing import ClassVar

from core.exporters.base import EXPORTERS, AdapterProfile, mixed_ranks
from core.ranks.actions.draft import Slot
from core.ranks.actions.layout import Layout


@EXPORTERS.register("peft")
class Peft(AdapterProfile):
    """PEFT."""

    title: ClassVar[str] = "PEFT"
    summary: ClassVar[str] = "For transformers with PEFT; keeps every rank, DoRA and saved modules."

    def layout(self, slots: Sequence[Slot]) -> Layout:
        """Return the ranks as they are."""
        return mixed_ranks(slots)
