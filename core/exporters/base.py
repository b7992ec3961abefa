"""The contract of an exporter, and what the formats that hold B and A share."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Protocol

from core.errors import UserError
from core.ranks.actions.draft import Draft, Slot, opened
from core.ranks.actions.layout import Layout, Profile, largest_rank, rank_pattern
from core.ranks.actions.truncation import balanced
from core.ranks.actions.write import Written, write_adapter
from core.registry import Registry


class Exporter(Protocol):
    """One format.

    Attributes:
        title: Name for people.
        summary: One sentence: what it is for.
    """

    title: ClassVar[str]
    summary: ClassVar[str]

    def export(self, source: Path, out: Path) -> Written:
        """Write the run or the adapter in `source` to the new path `out`.

        Raises:
            UserError: `out` exists, or the format cannot hold what is in `source`.
        """


EXPORTERS: Registry[type[Exporter]] = Registry("format")


class AdapterProfile(Profile):
    """A format that is a PEFT folder: s folded in, balanced factors, no rsLoRA."""

    title: ClassVar[str]
    summary: ClassVar[str]

    def export(self, source: Path, out: Path) -> Written:
        """Write the adapter in `source` to the new folder `out`; see `Exporter`."""
        return write_adapter(balanced(opened(source)), out, self)


class FactorsOnly(AdapterProfile):
    """A profile whose runtimes know B and A of modules, and nothing else."""

    def check(self, draft: Draft) -> None:
        """Refuse what these runtimes would.

        Raises:
            UserError: There is more than B and A.
        """
        if draft.is_dora:
            raise UserError(
                f"{draft.name} is a DoRA adapter, which {self.title} cannot load.",
                "Convert it to LoRA first: `rankscope convert`.",
            )
        if draft.carried:
            raise UserError(
                f"{draft.name} holds more than B and A (first {draft.carried[0].key}), "
                f"which {self.title} cannot load.",
                "Choose the profile peft.",
            )


def mixed_ranks(slots: Sequence[Slot]) -> Layout:
    """Return r = α = the largest rank, with α_i = r_i: PEFT and vLLM then multiply by 1."""
    ranks = rank_pattern(slots)
    alphas = {name: float(rank) for name, rank in ranks.items()}
    return Layout(largest_rank(slots), largest_rank(slots), ranks, alphas)
