"""The contract of an adapter method.

The files of this folder import without torch: the window asks them for parameter counts and
scalings, and only `peft_config` is called in the worker.
"""

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict, Field

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


class LowRankSettings(AdapterSettings):
    """Settings of the low-rank family."""

    rank: int = Field(
        16,
        title="Rank r",
        description="Independent directions in which a matrix may change.",
        ge=1,
        le=1024,
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
