"""Tiny random models of the architectures that people fine-tune."""

import warnings
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model

VOCABULARY = 320
_SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 256,
    "tie_word_embeddings": False,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {},
    "llama, tied": {"tie_word_embeddings": True},
    "mistral, sliding window": {"sliding_window": 4},
    "mixtral": {"num_local_experts": 4},
    "qwen2": {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1},
    "qwen3": {},
    "qwen3_moe": {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32},
    "gemma2": {
        "sliding_window": 4,
        "attn_logit_softcapping": 5.0,
        "final_logit_softcapping": 3.0,
        "query_pre_attn_scalar": 16,
    },
    "gemma3_text": {"sliding_window": 4, "query_pre_attn_scalar": 16},
    "granite": {"logits_scaling": 3.0, "residual_multiplier": 0.7},
    "cohere": {"logit_scale": 0.3},
    "phi": {},
    "phi3": {},
    "olmo2": {},
    "smollm3": {},
    "starcoder2": {},
    "glm": {},
    "gpt2": {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0},
    "gpt_neox": {},
    "opt": {"dropout": 0.0},
}
"""Name of the architecture (up to a comma) and what makes it different from the sizes above."""

PADDED: dict[str, dict[str, Any]] = {
    "bloom": {},
    "gpt_oss": {"num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": 4},
}
"""Those whose rows are padded: attention that is not transformers' interface, or needs more."""


def build(family: str, changes: dict[str, Any], **adapter: Any) -> PeftModel:
    """Return a random fp32 model with a random adapter: B is not zero, so every gradient counts."""
    from transformers import AutoConfig, AutoModelForCausalLM

    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        config = AutoConfig.for_model(family.split(",")[0], **{**_SIZES, **changes})
        torch.manual_seed(0)
        base = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
        for parameter in base.parameters():
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=0.12)
        base.requires_grad_(False)
        settings = {"r": 4, "target_modules": "all-linear", "task_type": "CAUSAL_LM", **adapter}
        model = get_peft_model(base, LoraConfig(**settings))
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.1)
    return model.train()
