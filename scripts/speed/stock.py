"""What the peers share: the base model with PEFT's LoRA, and the watch over their own loop."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, TrainerCallback

from core.data.encode import Example
from speed.examples import IGNORED, RATE, SEED, Spec
from speed.gate import Gate, StepTaken

OPTIONS: dict[str, Any] = {
    "learning_rate": RATE,
    "lr_scheduler_type": "constant",
    "weight_decay": 0.0,
    "max_grad_norm": 1.0,
    "optim": "adamw_torch_fused",
    "max_steps": 100_000,
    "seed": SEED,
    "use_cpu": True,
    "train_sampling_strategy": "sequential",  # the rows come in the order of the engine
    "logging_strategy": "no",
    "save_strategy": "no",
    "report_to": "none",
    "disable_tqdm": True,
}
"""What both trainers are told: the same mathematics, and nothing beside the steps."""


def load(spec: Spec, dtype: torch.dtype = torch.bfloat16) -> Any:
    """Return the model with a fresh adapter, which starts from the same A as that of ours."""
    quantized = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )
    base = AutoModelForCausalLM.from_pretrained(
        Path(spec.model),
        dtype=dtype,
        device_map={"": "cpu"},
        quantization_config=quantized if spec.bits == 4 else None,
    )
    base.config.use_cache = False
    base.requires_grad_(False)
    torch.manual_seed(SEED)
    model = get_peft_model(base, LoraConfig(r=16, lora_alpha=32, target_modules="all-linear"))
    return model.train()


class Watch(TrainerCallback):  # type: ignore[misc]
    """Counts what goes through a trainer's loop, and stops at the gate after every step."""

    def __init__(self, gate: Gate, rows: Sequence[Example], about: dict[str, Any]) -> None:
        self._gate = gate
        self._about = about
        self._positions: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for position, row in enumerate(rows):
            self._positions[row.ids].append(position)
        self._forget()

    def _forget(self) -> None:
        self._loss, self._tokens, self._trained = 0.0, 0, 0
        self._rows: list[int] = []

    def saw(self, inputs: dict[str, torch.Tensor], loss: torch.Tensor) -> None:
        """Note one micro-batch."""
        self._loss += float(loss)
        self._trained += int((inputs["labels"] != IGNORED).sum())
        for ids in _rows(inputs):
            self._tokens += len(ids)
            self._rows.append(self._positions[ids][0])

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Everything is loaded."""
        self._gate.ready(**self._about)

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """One optimizer step is done."""
        done = StepTaken(self._loss, self._tokens, self._trained, self._rows)
        self._forget()
        self._gate.step_done(done)


def _rows(inputs: dict[str, torch.Tensor]) -> list[tuple[int, ...]]:
    """Take a micro-batch apart, padded or packed, into the token ids of its rows."""
    ids, mask = inputs["input_ids"], inputs.get("attention_mask")
    if mask is not None:
        return [tuple(row[kept.bool()].tolist()) for row, kept in zip(ids, mask, strict=True)]
    starts = (inputs["position_ids"][0] == 0).nonzero()[:, 0].tolist()
    ends = [*starts[1:], ids.shape[1]]
    return [tuple(ids[0, a:b].tolist()) for a, b in zip(starts, ends, strict=True)]
