"""The formulas against a trace of other families than Llama, where these are built alike."""

import pytest
from transformers import AutoConfig

from core.models.architecture import read_dimensions
from core.models.expected import expected_tensors
from core.models.info import ModelInfo
from core.settings import RunSettings
from tests.core.memory.test_traced_activations import planned
from tests.core.memory.traced import trace

ROWS, LENGTH = 3, 256
SIZES = {
    "vocab_size": 512,
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 3,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "head_dim": 64,
    "sliding_window": None,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
USUAL = {
    "model.dtype": "bf16",
    "model.attention_dtype": "fp32",
    "training.micro_batch": ROWS,
    "data.max_length": LENGTH,
}


@pytest.mark.parametrize("family", ["gemma", "mistral", "qwen2", "smollm3"])
@pytest.mark.parametrize("checkpointed", ["off", "all"])
def test_the_plan_is_what_a_step_of_the_family_holds(family: str, checkpointed: str) -> None:
    config = AutoConfig.for_model(family, **SIZES)
    shape = read_dimensions(config.to_dict(), family)
    info = ModelInfo(
        source=family,
        name=family,
        path="",
        kind="folder",
        architecture=shape,
        tensors=expected_tensors(config.to_dict(), shape),
        dtype="BF16",
    )
    changes = {**USUAL, "training.gradient_checkpointing": checkpointed}
    settings = RunSettings().with_changes(changes)
    traced = trace(info, settings, [LENGTH] * ROWS, config=config)
    plan = planned(shape, settings, 1.0)
    assert plan.kept == pytest.approx(traced.kept, rel=0.003)
    assert plan.peak == pytest.approx(traced.peak, rel=0.02)
