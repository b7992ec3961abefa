"""A plan beside each row, under the software that it names."""

import re
from dataclasses import dataclass
from typing import Any

from core.errors import UserError
from core.memory.amounts import GIB
from core.memory.cards import CARDS
from core.memory.devices import Device
from core.memory.methods import METHODS, Method
from core.memory.plan import MemoryPlan, plan_memory
from core.memory.reserved import process_bytes
from core.memory.table.programs import has_own_head, stack_of
from core.memory.table.rows import Missing, Row
from core.memory.table.shapes import model_of, targets_of
from core.memory.verdict import runs_on
from core.memory.workload import Known
from core.models.info import ModelInfo
from core.settings import RunSettings

_ATTENTION = {"flash": "flash", "xformers": "flash", "sdpa": "sdpa", "eager": "eager"}
_OPTIMIZERS = {"paged": "paged_adamw8bit", "8bit": "adamw8bit", "8_bit": "adamw8bit"}


@dataclass(frozen=True)
class Prediction:
    """What a row would need, or why nobody can tell.

    Attributes:
        plan: The plan; None where there is a `why_not`.
        total_bytes: What nvidia-smi shows for the process.
        fits: Whether it runs on the row's card; None where that is unknown.
        why_not: What the row lacks.
    """

    plan: MemoryPlan | None = None
    total_bytes: int = 0
    fits: bool | None = None
    why_not: str = ""

    def bytes_in_metric(self, row: Row) -> int:
        """Return what the row measured, as predicted: the allocator's peak, reserved, or all."""
        assert self.plan is not None
        if row.has("peak_metric", "nvidia-smi"):
            return self.total_bytes
        if row.has("peak_metric", "reserved"):
            return self.total_bytes - self.plan.parts["context"]
        return self.plan.allocated_bytes


def predict(row: Row, *, dry: bool = False) -> Prediction:
    """Plan a row with the formulas, or with a dry run where its model can be traced."""
    try:
        method = _method(row)
        info = model_of(row, untied=has_own_head(row))
        settings = RunSettings().with_changes(_changes(row, method, info))
        known = Known(attention=_attention(row), stack=stack_of(row), shards=_shards(row))
        card = card_of(row)
        plan = _plan(info, settings, method, card, known, dry=dry)
    except Missing as missing:
        return Prediction(why_not=str(missing))
    except UserError as error:
        return Prediction(why_not=error.message)
    total = process_bytes(plan, known.stack, known.attention, card)
    return Prediction(plan, total, None if card is None else runs_on(plan, card))


def _plan(
    info: ModelInfo,
    settings: RunSettings,
    method: Method,
    card: Device | None,
    known: Known,
    *,
    dry: bool,
) -> MemoryPlan:
    if not dry:
        return plan_memory(info, settings, method=method, device=card, known=known)
    from core.memory.dry_run.plan import plan_dry  # needs torch

    (made,) = plan_dry(info, settings, card, methods=(method,), known=known)
    return made.plan


def card_of(row: Row) -> Device | None:
    """Return the card that a row names, None where it names none that is known.

    A size in brackets is what software can have; else the card is looked up in the list.
    """
    text = row.text("gpu")
    stated = re.search(r"\((\d+) MiB\)", text)
    if stated:
        usable = int(stated[1]) * 2**20
        return Device(text, usable, usable, "card")
    words = re.findall(r"[A-Za-z]*\d+[A-Za-z]*", text)
    if not words:
        return None
    size = re.search(r"(\d+) ?GB", text)
    named = [card for card in CARDS if words[0].lower() in card.name.lower()]
    if size:
        named = [card for card in named if round(card.total_bytes / GIB) == int(size[1])]
    sizes = {card.total_bytes for card in named}
    return named[0] if len(sizes) == 1 else None


def _method(row: Row) -> Method:
    name, quant = row.text("method"), row.text("quant") or "none"
    if name == "full" and quant == "none":
        return METHODS[4]
    if name == "lora" and quant == "none":
        return METHODS[0]
    if name == "qlora":
        if "8" in quant:
            return METHODS[1]
        if "4" in quant:
            return METHODS[3] if "double" in quant else METHODS[2]
    raise Missing(f"{name} on {quant} weights is not planned")


def _changes(row: Row, method: Method, info: ModelInfo) -> dict[str, Any]:
    """Return the settings that a row states."""
    optimizer = row.text("optimizer").lower()
    adapter: dict[str, Any] = {}
    if method.name != "full":
        adapter = {
            "adapter.rank": row.number("rank"),
            "adapter.targets": targets_of(row, info),
            "adapter.dropout": _dropout(row),
        }
    return {
        **adapter,
        "training.optimizer": next((v for k, v in _OPTIMIZERS.items() if k in optimizer), "adamw"),
        "training.micro_batch": row.number("micro_batch"),
        "training.accumulation": _accumulation(row),
        "training.gradient_checkpointing": "all" if _checkpoints(row) else "off",
        "data.max_length": row.number("seq_len"),
        "model.dtype": "fp16"
        if row.text("dtype_weights").startswith(("fp16", "float16"))
        else "bf16",
    }


def _dropout(row: Row) -> float:
    """Return the dropout that a row's notes or its benchmark's script state."""
    stated = re.search(r"dropout (0?\.\d+)", row.text("notes"))
    if stated:
        return float(stated[1])
    usual = {"fms-acceleration": 0.1, "litgpt": 0.05}
    return next((share for name, share in usual.items() if row.has("source", name)), 0.0)


def _shards(row: Row) -> int:
    """Return the GPUs that share a model; with DDP each has a whole one."""
    return row.number("n_gpus", 1) if row.has("notes", "fsdp", "zero") else 1


def _accumulation(row: Row) -> int:
    stated = re.search(r"\bGA ?(\d+)", f"{row.text('notes')} {row.text('peak_metric')}")
    return int(stated[1]) if stated else 1


def _checkpoints(row: Row) -> bool:
    return row.has("grad_checkpointing", "yes", "unsloth", "fsdp")


def _attention(row: Row) -> str:
    text = row.text("attention_impl").lower()
    return next((name for word, name in _ATTENTION.items() if word in text), "sdpa")
