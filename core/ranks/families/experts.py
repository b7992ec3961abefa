"""LoRA of a mixture of experts (PEFT's `target_parameters`): one product for each expert."""

from collections.abc import Iterator
from typing import ClassVar

from core.errors import UserError
from core.ranks.families.base import FAMILIES, Change, Description, StoredModule
from core.ranks.update import Update


@FAMILIES.register("experts")
class Experts:
    """ΔW_e = s·B_e·A_e for each expert e of a parameter (experts, out, in).

    A is stored as (experts·r, in) with the experts one after the other; B as (out, r·experts) with
    the experts innermost. Where the parameter is (experts, in, out), PEFT adds the transpose of the
    product; B stays on the side of the outputs.
    """

    title: ClassVar[str] = "LoRA of experts"
    own: ClassVar[frozenset[str]] = frozenset({"lora_A", "lora_B"})
    also: ClassVar[frozenset[str]] = frozenset()

    @staticmethod
    def changes(module: StoredModule, description: Description) -> Iterator[Change]:
        """Yield ΔW of every expert."""
        b, a = module.matrix("lora_B"), module.matrix("lora_A")
        rank = description.rank(module.name)
        if a.shape[0] != b.shape[1] or a.shape[0] % rank:
            raise UserError(
                f"lora_A of {module.name} has {a.shape[0]} rows and lora_B {b.shape[1]} columns, "
                f"but adapter_config.json says rank {rank} for each expert.",
                "The two files do not belong together.",
            )
        experts = a.shape[0] // rank
        scaling = description.scaling(module, rank)
        a_e, b_e = a.reshape(experts, rank, -1), b.reshape(b.shape[0], rank, experts)
        for expert in range(experts):
            plain = module.name.removesuffix(".weight")
            name = _of_expert(module.name, expert) if experts > 1 else plain
            yield Update(name, b_e[:, :, expert], a_e[expert], scaling)


def _of_expert(name: str, expert: int) -> str:
    """Return …experts.3.gate_up_proj for …experts.gate_up_proj, as files of experts name them."""
    parent, _, parameter = name.rpartition(".")
    return f"{parent}.{expert}.{parameter}"
