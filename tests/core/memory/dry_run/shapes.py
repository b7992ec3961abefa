"""Small models and settings for dry runs, as their config.json would say it."""

from typing import Any

from core.memory.dry_run import Trace, dry_run
from core.memory.methods import METHODS, Method
from core.memory.stack import OURS, Loss, Stack
from core.memory.workload import Known
from core.settings import RunSettings

LORA, INT8, NF4, NF4_DQ, FULL = METHODS
TRAINER = Stack(name="trainer", loss=Loss(kind="torch"), masked=False)  # rows of one length
ROWS, LENGTH = 2, 128

SIZES = {
    "hidden_size": 256,
    "intermediate_size": 512,
    "num_hidden_layers": 3,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "vocab_size": 2048,
    "max_position_embeddings": 512,
    **dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id")),
}
EXPERTS = {"num_experts_per_tok": 2, "moe_intermediate_size": 128}
WINDOWS = {"head_dim": 32, "sliding_window": 64}
MODELS: dict[str, dict[str, Any]] = {
    "llama": {},
    "mistral": {"sliding_window": 64},
    "qwen2": {},
    "qwen3": {"head_dim": 32},
    "gemma2": WINDOWS,
    "gemma3_text": WINDOWS,
    "phi3": {},
    "gpt2": {"n_embd": 256, "n_layer": 3, "n_head": 8, "n_positions": 512},
    "gpt_neox": {},
    "falcon": {},
    "mixtral": {"num_local_experts": 4, "num_experts_per_tok": 2},
    "qwen3_moe": {"num_experts": 4, "head_dim": 32, **EXPERTS},
    "deepseek_v3": {
        "num_key_value_heads": 8,
        "n_routed_experts": 8,
        "first_k_dense_replace": 1,
        "q_lora_rank": 64,
        "kv_lora_rank": 32,
        "qk_rope_head_dim": 16,
        "qk_nope_head_dim": 32,
        "v_head_dim": 32,
        "n_group": 2,
        "topk_group": 1,
        **EXPERTS,
    },
}


def config(family: str, **changes: Any) -> dict[str, Any]:
    return {"model_type": family, **SIZES, **MODELS[family], **changes}


def run(
    model: Any,
    method: Method = LORA,
    stack: Stack = OURS,
    *,
    on_cpu: bool = False,
    attention: str = "",
    whole: bool = False,
    **changes: Any,
) -> Trace:
    """Dry-run a model; settings as section__key."""
    dotted = {key.replace("__", "."): value for key, value in changes.items()}
    usual = {"training.micro_batch": ROWS, "data.max_length": LENGTH}
    settings = RunSettings().with_changes({**usual, **dotted})
    known = Known(on_cpu=on_cpu, attention=attention)
    return dry_run(model, settings, method, stack=stack, known=known, whole=whole)
