"""The formulas of each kind of block against a trace of the real engine on a small one."""

import warnings
from typing import Any

import pytest
import transformers

from core.memory.activations import hidden_bytes
from core.memory.cells import ModelCells
from core.memory.checkpointing import activation_bytes
from core.memory.methods import METHODS
from core.memory.workload import Known, Workload
from core.models.architecture import read_architecture
from core.models.expected import expected_tensors
from core.models.info import ModelInfo
from core.settings import RunSettings
from tests.core.memory.traced import trace

ROWS, LENGTH = 3, 256
SIZES = {
    "hidden_size": 256,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 768,
    "vocab_size": 512,
    "max_position_embeddings": 512,
}
LATENT = {
    "q_lora_rank": 64,
    "kv_lora_rank": 64,
    "qk_nope_head_dim": 32,
    "qk_rope_head_dim": 32,
    "v_head_dim": 64,
    "num_key_value_heads": 4,
    "n_group": 1,
    "topk_group": 1,
}
EXPERTS = {"num_experts_per_tok": 2, "moe_intermediate_size": 128}
CASES: dict[str, tuple[dict[str, Any], float]] = {
    "mistral": ({}, 0.002),
    "qwen2": ({}, 0.002),
    "qwen3": ({"head_dim": 64}, 0.002),
    "gemma": ({"head_dim": 64}, 0.002),
    "gemma2": ({"head_dim": 64}, 0.002),  # capped scores
    "gemma3_text": ({"head_dim": 64}, 0.002),
    "phi3": ({"pad_token_id": 0}, 0.002),  # one matrix for q, k and v
    "granite": ({}, 0.002),
    "starcoder2": ({}, 0.002),
    "cohere": ({}, 0.002),  # parallel
    "phi": ({"num_key_value_heads": 4}, 0.01),
    "mixtral": ({"num_local_experts": 4, "num_experts_per_tok": 2}, 0.002),
    "qwen3_moe": ({"num_experts": 4, "head_dim": 64, **EXPERTS}, 0.002),
    "olmo2": ({}, 0.04),
    "deepseek_v3": (
        {"n_routed_experts": 4, "n_shared_experts": 1, "first_k_dense_replace": 1}
        | EXPERTS
        | LATENT,
        0.05,
    ),
}
"""Family: what its config says besides, and how far the formula may be off."""


@pytest.mark.parametrize("family", CASES)
def test_a_block_keeps_what_the_plan_says(family: str) -> None:
    more, tolerance = CASES[family]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config = transformers.AutoConfig.for_model(family, **{**SIZES, **more})
    info = described(config, family)
    settings = RunSettings().with_changes(
        {
            "model.dtype": "bf16",
            "model.attention_dtype": "bf16",
            "training.micro_batch": ROWS,
            "data.max_length": LENGTH,
        }
    )
    known = Known(longest=LENGTH, trained_share=56 / LENGTH, on_cpu=True)
    made = Workload.of(ModelCells.of(info, ("all-linear",)), settings, METHODS[0], known)
    planned = activation_bytes(made, 0)[0] + hidden_bytes(made)
    traced = trace(info, settings, [LENGTH] * ROWS, prompt=200, config=config)
    assert planned == pytest.approx(traced.kept, rel=tolerance)


def described(config: transformers.PretrainedConfig, family: str) -> ModelInfo:
    content = {**config.to_dict(), "architectures": ["AnyForCausalLM"]}
    shape = read_architecture(content, family)
    return ModelInfo(
        source="small",
        name=family,
        path="",
        kind="folder",
        architecture=shape,
        tensors=expected_tensors(content, shape),
        dtype="BF16",
    )
