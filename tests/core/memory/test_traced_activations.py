"""The formulas against a trace of the real engine, operator by operator."""

from typing import Any

import pytest

from core.memory.activations import hidden_bytes
from core.memory.cells import ModelCells
from core.memory.checkpointing import activation_bytes
from core.memory.logits import loss_bytes
from core.memory.methods import METHODS
from core.memory.workload import Known, Workload
from core.models.info import Architecture
from core.settings import RunSettings
from tests.core.memory.memory_shapes import llama, model
from tests.core.memory.traced import Trace, trace

ROWS, LENGTH = 3, 256
SMALL = {"layers": 3, "hidden_size": 576, "heads": 9, "kv_heads": 3, "head_dim": 64}
STARTER = llama(**SMALL, intermediate_size=1536, vocab_size=49_152, tied_embeddings=True)
FEW_WORDS = llama(**SMALL, intermediate_size=1536, vocab_size=512, tied_embeddings=True)
NARROW_MLP = llama(**SMALL, intermediate_size=256, vocab_size=512, tied_embeddings=True)
USUAL = {
    "model.dtype": "bf16",
    "model.attention_dtype": "fp32",
    "training.micro_batch": ROWS,
    "data.max_length": LENGTH,
}
FP32 = {"model.dtype": "fp32"}
PADDED = {"training.packing": False, "model.attention_dtype": "bf16"}
CASES: dict[str, dict[str, Any]] = {
    "bf16": {},
    "fp32": FP32,
    "attention in bf16": {"model.attention_dtype": "bf16"},
    "products in bf16": {"training.adapter_products": "model"},
    "padded": PADDED,
    "eager": {**PADDED, "model.attention": "eager"},
    "dora": {"adapter.method": "dora"},
    "dora fp32": {**FP32, "adapter.method": "dora"},
    "upper blocks": {"adapter.targets": ("q_proj@1-2", "down_proj@1-2")},
    "half checkpointed": {"training.gradient_checkpointing": 2},
    "all checkpointed": {"training.gradient_checkpointing": "all"},
    "all checkpointed fp32": {**FP32, "training.gradient_checkpointing": "all"},
    "upper blocks, one checkpointed": {
        "adapter.targets": ("q_proj@1-2", "down_proj@1-2"),
        "training.gradient_checkpointing": 1,
    },
}


def planned(shape: Architecture, settings: RunSettings, share: float) -> Trace:
    cells = ModelCells.of(model(shape), settings.adapter.targets)
    known = Known(longest=LENGTH, trained_share=share, on_cpu=True)
    made = Workload.of(cells, settings, METHODS[0], known)
    kept, backward, _ = activation_bytes(made, made.checkpointed or 0)
    whole = kept + hidden_bytes(made)  # the decoder's output, gone when the loss has picked its own
    return Trace(round(whole), round(max(kept + loss_bytes(made), backward)))


@pytest.mark.parametrize(
    ("shape", "prompt", "case"),
    [
        *((FEW_WORDS, 200, case) for case in CASES),
        *((STARTER, 0, case) for case in ("bf16", "fp32")),
        *((NARROW_MLP, 200, case) for case in ("bf16", "all checkpointed")),
    ],
)
def test_the_plan_is_what_a_step_holds(shape: Architecture, prompt: int, case: str) -> None:
    settings = RunSettings().with_changes({**USUAL, **CASES[case]})
    traced = trace(model(shape), settings, [LENGTH] * ROWS, prompt=prompt)
    plan = planned(shape, settings, (LENGTH - prompt) / LENGTH)
    assert plan.kept == pytest.approx(traced.kept, rel=0.002)
    # PEFT's DoRA makes several matrices of the size of W, which count where tokens are few.
    assert plan.peak == pytest.approx(traced.peak, rel=0.06 if "dora" in case else 0.02)


def test_packed_rows_of_many_lengths_never_hold_more() -> None:
    settings = RunSettings().with_changes(USUAL)
    traced = trace(model(FEW_WORDS), settings, [LENGTH, *[97] * 4, 31, 93])
    assert traced.peak < 1.001 * planned(FEW_WORDS, settings, 1.0).peak
