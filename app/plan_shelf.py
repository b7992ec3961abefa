"""Plans that were traced or measured, kept for the settings that they were made for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core.memory.devices import Device
from core.memory.plan import MemoryPlan
from core.memory.workload import Known
from core.settings import RunSettings

if TYPE_CHECKING:
    from core.checks import RehearsalFacts

DECISIVE = (
    "micro_batch",
    "accumulation",
    "packing",
    "adapter_products",
    "optimizer",
    "keep_activations",
    "compile",
    "deterministic",
    "seed",
)
"""Settings of training that change memory; checkpointing counts by the blocks that it comes to."""


@dataclass(frozen=True)
class Subject:
    """What a plan is a plan of: two that are equal need the same memory.

    Attributes:
        settings: The values of all settings that memory depends on.
        known: What the rows tell.
        device: Kind, name and number of the device.
        method: Label of the method.
        checkpointed: Blocks that are computed again.
    """

    settings: tuple[object, ...]
    known: Known
    device: tuple[str, str, int]
    method: str
    checkpointed: int


def subject(formula: MemoryPlan, settings: RunSettings, known: Known, device: Device) -> Subject:
    """Return what a plan by formula is a plan of."""
    return Subject(
        decides_memory(settings),
        known,
        (device.kind, device.name, device.index),
        formula.label,
        formula.checkpointed,
    )


def decides_memory(settings: RunSettings) -> tuple[object, ...]:
    """Return what the plans of all methods depend on, beside the number of checkpointed blocks."""
    model = settings.model
    decisive = (getattr(settings.training, name) for name in DECISIVE)
    return (
        (model.source, model.dtype, model.attention, model.attention_dtype),
        settings.adapter,
        settings.data,
        *decisive,
    )


def rehearsal_key(settings: RunSettings, data: Mapping[str, Any] | None) -> str:
    """Return what decides what a rehearsal comes to: all settings, and the rows as they were read.

    Args:
        settings: The run.
        data: The summary of its rows (see `core.jobs.dataset`), None while they are read.
    """
    rows = [(data or {}).get(key) for key in ("rows", "tokens", "trained_tokens")]
    return f"{rows} {settings.model_dump_json(exclude={'name', 'tracking'})}"


@dataclass
class PlanShelf:
    """What was found out while the window is open.

    Attributes:
        plans: The best plan of each subject: a measured one stays when it is traced later.
        exhausted: In which words memory ran out when a subject was measured.
        refused: Why a subject cannot be traced.
        rehearsals: What rehearsals came to, by `rehearsal_key`.
    """

    plans: dict[Subject, MemoryPlan] = field(default_factory=dict)
    exhausted: dict[Subject, str] = field(default_factory=dict)
    refused: dict[Subject, str] = field(default_factory=dict)
    rehearsals: "dict[str, RehearsalFacts]" = field(default_factory=dict)

    def put(self, subject: Subject, plan: MemoryPlan) -> None:
        """Keep a plan, unless it was traced and there is a measured one."""
        known = self.plans.get(subject)
        if known is None or known.source != "measured" or plan.source == "measured":
            self.plans[subject] = plan
        if plan.source == "measured":
            self.exhausted.pop(subject, None)
