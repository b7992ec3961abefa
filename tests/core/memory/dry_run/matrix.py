"""Published models × methods × settings: what the formulas say beside what the dry run says.

All combinations would be millions. These cover every pair: any two values of two axes meet in one
case at least (Cohen et al. 1997, "The AETG system"), so a term that is wrong for one method with
one kind of attention shows, whatever else is set.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product
from random import Random
from typing import Any

from core.errors import UserError
from core.memory.devices import Device
from core.memory.dry_run import dry_run
from core.memory.dry_run.trace import REFUSALS
from core.memory.methods import METHODS
from core.memory.plan import plan_memory
from core.memory.stack import OURS, TRAINER
from core.memory.workload import Known
from core.models.architecture import read_architecture
from core.models.expected import expected_tensors
from core.models.info import ModelInfo
from core.settings import RunSettings
from tests.core.models.published_configs import PUBLISHED

MODELS = (
    "Llama-3.1-8B",
    "SmolLM2-135M",
    "Qwen2.5-0.5B",
    "Qwen3-8B",
    "Gemma-2-9B",
    "Gemma-3-4B",
    "Phi-3-mini",
    "Mixtral-8x7B",
    "Qwen3-30B-A3B",
    "DeepSeek-V2-Lite",
    "GPT-2 XL",
    "GPT-NeoX-20B",
    "Falcon-7B",
    "OPT-350M",
    "BLOOM-176B",
    "StarCoder2-7B",
)
AXES: Mapping[str, Sequence[Any]] = {
    "model": MODELS,
    "method": METHODS,
    "adapter.method": ("lora", "rslora", "dora"),
    "program": (OURS, TRAINER),
    "attention": ("sdpa", "flash", "eager"),
    "device": ("cuda", "cpu"),
    "model.dtype": ("bf16", "fp16", "fp32"),
    "training.gradient_checkpointing": ("off", "all", 5),
    "data.max_length": (256, 1024, 4096),
    "training.micro_batch": (1, 4),
    "training.packing": (True, False),
    "training.accumulation": (1, 4),
    "training.optimizer": ("adamw", "adamw8bit", "lion", "adafactor"),
    "training.adapter_products": ("fp32", "model"),
    "adapter.targets": ("all", "attention", "upper half"),
    "adapter.rank": (8, 64),
    "adapter.dropout": (0.0, 0.1),
}


@dataclass(frozen=True)
class Case:
    """One combination: a value for each of `AXES`."""

    values: Mapping[str, Any]

    def __str__(self) -> str:
        """Name it by what differs."""
        words = (getattr(v, "label", getattr(v, "name", v)) for v in self.values.values())
        return " ".join(map(str, words))

    @property
    def info(self) -> ModelInfo:
        """The model."""
        return described(self.values["model"])

    @property
    def settings(self) -> RunSettings:
        """The run."""
        values = self.values
        dotted = {name: value for name, value in values.items() if "." in name}
        dotted["adapter.targets"] = _targets(self.info, dotted["adapter.targets"])
        if dotted["training.gradient_checkpointing"] == 5 and not values["program"].ours:
            dotted["training.gradient_checkpointing"] = "all"  # others know all or none
        if values["attention"] != "flash":
            dotted["model.attention"] = values["attention"]
        return RunSettings().with_changes(dotted)

    @property
    def known(self) -> Known:
        """What is known beyond the settings."""
        flash = "flash" if self.values["attention"] == "flash" else ""
        stack, on_cpu = self.values["program"], self.values["device"] == "cpu"
        return Known(attention=flash, stack=stack, on_cpu=on_cpu)


@dataclass(frozen=True)
class Compared:
    """One case: the allocator's peak by both (bytes), or why it cannot be traced."""

    case: Case
    formula: int = 0
    dry: int = 0
    why_not: str = ""

    @property
    def error(self) -> float:
        """Formula over dry run, minus one."""
        return self.formula / self.dry - 1


@cache
def described(name: str) -> ModelInfo:
    """Return a published model as `rankscope plan` sees it, from its config.json alone."""
    content, _ = PUBLISHED[name]
    shape = read_architecture(content, name)
    tensors = expected_tensors(content, shape)
    return ModelInfo(
        source="",
        name=name,
        path="",
        kind="shape",
        architecture=shape,
        tensors=tensors,
        dtype="BF16",
    )


def _targets(info: ModelInfo, wanted: str) -> tuple[str, ...]:
    layers = info.architecture.layers
    attention = tuple(kind for kind in info.grid.kinds if "attn" in kind or "attention" in kind)
    upper = f"all-linear@{layers // 2}-{layers - 1}"
    return {"all": ("all-linear",), "attention": attention, "upper half": (upper,)}[wanted]


def covering(axes: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """Yield combinations in which any two values of two axes meet, greedily, always the same."""
    missing = {
        ((one, x), (two, y))
        for one, two in combinations(axes, 2)
        for x, y in product(range(len(axes[one])), range(len(axes[two])))
    }
    dice = Random(0)
    places = {name: place for place, name in enumerate(axes)}
    order = sorted(missing, key=lambda pair: [(places[name], value) for name, value in pair])
    for pair in order:
        if pair not in missing:
            continue
        chosen = dict(pair)
        for name in axes:
            if name not in chosen:
                gains = [
                    len(missing & _pairs({**chosen, name: i}, axes)) for i in _span(axes, name)
                ]
                best = [i for i, gain in enumerate(gains) if gain == max(gains)]
                chosen[name] = dice.choice(best)
        missing -= _pairs(chosen, axes)
        yield {name: axes[name][chosen[name]] for name in axes}


def _span(axes: Mapping[str, Sequence[Any]], name: str) -> range:
    return range(len(axes[name]))


def _pairs(chosen: Mapping[str, int], axes: Mapping[str, Sequence[Any]]) -> set[Any]:
    items = [(name, chosen[name]) for name in axes if name in chosen]
    return set(combinations(items, 2))


def compare(case: Case) -> Compared:
    """Plan and trace a case."""
    settings, known = case.settings, case.known
    method = case.values["method"]
    device = Device("any", 2**60, 2**60, "cpu" if known.on_cpu else "card")
    config = {k: v for k, v in PUBLISHED[case.values["model"]][0].items() if k != "torch_dtype"}
    try:
        plan = plan_memory(case.info, settings, method=method, device=device, known=known)
        trace = dry_run(config, settings, method, stack=known.stack, known=known, device=device)
    except (UserError, *REFUSALS) as error:
        return Compared(case, why_not=f"{type(error).__name__}: {error}".partition("\n")[0])
    return Compared(case, plan.allocated_bytes, trace.peak_bytes)


CASES = tuple(Case(values) for values in covering(AXES))
