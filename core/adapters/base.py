"""The contract of an adapter method.

The files of this folder import without torch: the window asks them for parameter counts and
scalings, and only `peft_config` is called in the worker.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from core.registry import Registry

if TYPE_CHECKING:
    from peft import LoraConfig, PeftConfig


class AdapterSettings(BaseModel):
    """Settings that every method has.

    `targets` names modules by the last part of their name ("q_proj"), by their name inside a
    layer ("mlp.up_proj") or in full; "q_proj@4-29" means layers 4 to 29 only, "q_proj@0+2-4"
    several spans (see `core.models.targets`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    method: str = Field("lora", title="Method", description="How the change of W is written.")
    targets: tuple[str, ...] = Field(
        ("all-linear",),
        title="Target layers",
        description="Modules to adapt: all-linear, or names such as q_proj or q_proj@4-29.",
    )


class Adapter(Protocol):
    """One adapter method, as a class that is never instantiated.

    Attributes:
        title: Name for people.
        summary: One sentence for a newcomer.
        paper: Where the method comes from.
        Settings: Its pydantic settings, a subclass of `AdapterSettings`.
    """

    title: ClassVar[str]
    summary: ClassVar[str]
    paper: ClassVar[str]
    Settings: ClassVar[type[AdapterSettings]]

    @staticmethod
    def parameters(shape: tuple[int, int], settings: Any) -> int:
        """Return the trained parameters that one module W of `shape` (out, in) gets."""

    @staticmethod
    def scaling(settings: Any) -> float:
        """Return the factor s in ΔW = s·B·A."""

    @staticmethod
    def peft_config(settings: Any, module_names: list[str]) -> "PeftConfig":
        """Return the PEFT configuration that adapts exactly `module_names` (worker only)."""


ADAPTERS: Registry[type[Adapter]] = Registry("adapter method")


MAX_RANK = 1024


def _with_ranks(entries: tuple[str, ...]) -> tuple[str, ...]:
    for entry in entries:
        name, _, rank = entry.rpartition("=")
        if not (name and rank.isdigit() and 1 <= int(rank) <= MAX_RANK):
            raise ValueError(
                f"{entry!r} is no entry such as q_proj@4-29=8, with a rank to {MAX_RANK}"
            )
    return entries


class LowRankSettings(AdapterSettings):
    """Settings of the low-rank family.

    `rank_pattern` names modules as `targets` does, each entry with a rank of its own; the first
    that matches counts. Such a module keeps the scaling that `rank` and `alpha` give, not alpha.
    """

    rank: int = Field(
        16,
        title="Rank r",
        description="Independent directions in which a matrix may change.",
        ge=1,
        le=MAX_RANK,
    )
    alpha: float = Field(
        32.0,
        title="Alpha α",
        description="Sets the size of the change: it is scaled by α/r.",
        gt=0,
        le=65536,
    )
    dropout: float = Field(
        0.0,
        title="Dropout",
        description="Share of the adapter's inputs that is silenced at random in training.",
        ge=0,
        lt=1,
    )
    rank_pattern: Annotated[tuple[str, ...], AfterValidator(_with_ranks)] = Field(
        (),
        title="Rank pattern",
        description="Modules with a rank of their own, such as q_proj@4-29=8; their scaling stays.",
    )


def at_rank(settings: LowRankSettings, rank: int) -> LowRankSettings:
    """Return the settings with another rank, and the alpha that keeps the scaling s."""
    scaling = ADAPTERS[settings.method].scaling
    other = settings.model_copy(update={"rank": rank})
    return other.model_copy(update={"alpha": settings.alpha * scaling(settings) / scaling(other)})


def set_ranks(config: "PeftConfig", settings: AdapterSettings, ranks: Mapping[str, int]) -> None:
    """Give modules ranks of their own in PEFT's configuration (worker only).

    Args:
        config: What `peft_config` returned.
        settings: The adapter.
        ranks: By full module name; `^` lets a pattern match that name alone.
    """
    if isinstance(settings, LowRankSettings) and ranks:
        alphas = {name: at_rank(settings, rank).alpha for name, rank in ranks.items()}
        config.rank_pattern = {f"^{name}": rank for name, rank in ranks.items()}
        config.alpha_pattern = {f"^{name}": alpha for name, alpha in alphas.items()}


def lora_config(
    settings: LowRankSettings, module_names: list[str], *, rslora: bool = False, dora: bool = False
) -> "LoraConfig":
    """Return PEFT's configuration for a member of the low-rank family (worker only)."""
    from peft import LoraConfig

    return LoraConfig(
        task_type="CAUSAL_LM",
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=module_names,
        use_rslora=rslora,
        use_dora=dora,
    )
