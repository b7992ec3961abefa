"""How ranks and scalings stand in adapter_config.json, and how each runtime reads them.

Three programs that load the same folder multiply B·A by three different numbers (read in the
sources of PEFT 0.21, vLLM 0214369 and llama.cpp 0b03ada):

    PEFT       α_i / r_i       both patterns count
    vLLM       α / r           neither does
    llama.cpp  α / r_i         the rank is that of the tensor, alpha_pattern does not count

So an adapter of mixed ranks can be right in one and wrong in the next. A layout fixes the numbers
of the config; B takes on whatever is then missing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from core.ranks.actions.draft import Draft, Slot
from core.ranks.adapter_config import AdapterConfig

RULES: Mapping[str, Callable[[AdapterConfig, str, int], float]] = {
    "PEFT": lambda config, name, rank: config.scaling_of(name),
    "vLLM": lambda config, name, rank: config.alpha / config.rank,
    "llama.cpp": lambda config, name, rank: config.alpha / rank,
}
"""By what a runtime multiplies B·A, from the config, the module's name and the rank of A."""


@dataclass(frozen=True)
class Layout:
    """The numbers of a config.

    Attributes:
        rank, alpha: r and lora_alpha.
        ranks, alphas: rank_pattern and alpha_pattern, by full module name; modules that are not
            named have the common ones.
    """

    rank: int
    alpha: float
    ranks: Mapping[str, int] = field(default_factory=dict)
    alphas: Mapping[str, float] = field(default_factory=dict)

    def stored_rank(self, name: str) -> int:
        """Return the rank that the factors of a module have in the file."""
        return self.ranks.get(name, self.rank)

    def scaling(self, name: str) -> float:
        """Return α_i/r_i."""
        return self.alphas.get(name, self.alpha) / self.stored_rank(name)


class Profile:
    """One way to write an adapter: which numbers, and for which runtimes they are right.

    Attributes:
        runtimes: Those whose rule gives the same ΔW; each is tried on the written files.
    """

    runtimes: tuple[str, ...] = ("PEFT",)

    def layout(self, slots: Sequence[Slot]) -> Layout:
        """Return the numbers for these modules."""
        raise NotImplementedError

    def check(self, draft: Draft) -> None:
        """Raise a UserError for what the runtime would refuse or ignore."""


def largest_rank(slots: Sequence[Slot]) -> int:
    """Return the rank that the config names where modules differ."""
    return max(slot.rank for slot in slots)


def rank_pattern(slots: Sequence[Slot]) -> dict[str, int]:
    """Return the ranks of the modules that do not have the largest."""
    largest = largest_rank(slots)
    return {slot.name: slot.rank for slot in slots if slot.rank != largest}


class AsTrained(Profile):
    """Factors and scalings as they are, for going on with the training: nothing moves into B.

    Folding s into B would change how fast B learns beside A.
    """

    def layout(self, slots: Sequence[Slot]) -> Layout:
        """Return an alpha per module, α_i = s_i·r_i, where they differ."""
        alphas = {slot.name: slot.scaling * slot.rank for slot in slots}
        common = alphas[max(slots, key=lambda slot: slot.rank).name]
        others = {name: alpha for name, alpha in alphas.items() if alpha != common}
        ranks = rank_pattern(slots)
        return Layout(largest_rank(slots), common, ranks, others)
