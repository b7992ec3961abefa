"""Architectures and promised manifests against the models that transformers builds."""

from typing import Any

import pytest
import torch
import transformers

from core.errors import UserError
from core.models.architecture import read_architecture
from core.models.expected import expected_tensors

SMALL = {
    "num_hidden_layers": 2,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 50,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
CONFIGS = {
    "llama": transformers.LlamaConfig(**SMALL),
    "llama tied, biases": transformers.LlamaConfig(
        **SMALL, tie_word_embeddings=True, attention_bias=True, mlp_bias=True
    ),
    "mistral": transformers.MistralConfig(**SMALL, head_dim=16),
    "qwen2": transformers.Qwen2Config(**SMALL),
    "qwen2 tied": transformers.Qwen2Config(**SMALL, tie_word_embeddings=True),
    "qwen3": transformers.Qwen3Config(**SMALL),
    "gemma": transformers.GemmaConfig(**SMALL),
    "gemma2": transformers.Gemma2Config(**SMALL),
    "gemma3 text": transformers.Gemma3TextConfig(**SMALL),
    "phi3": transformers.Phi3Config(**SMALL),
    "gpt2": transformers.GPT2Config(
        n_layer=2, n_embd=32, n_head=4, vocab_size=50, bos_token_id=1, eos_token_id=2
    ),
}


def parameters(config: transformers.PreTrainedConfig) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config)
    return {name: tuple(weight.shape) for name, weight in model.named_parameters()}


@pytest.mark.parametrize("full", [True, False], ids=["full", "diff"])
@pytest.mark.parametrize("name", CONFIGS)
def test_the_promised_manifest_is_that_of_the_model(name: str, full: bool) -> None:
    config = CONFIGS[name]
    content = config.to_dict() if full else config.to_diff_dict()
    content["model_type"] = config.model_type
    for key, value in SMALL.items():  # a small model's own sizes are never a family's default
        content.setdefault(key, value) if name != "gpt2" else None
    architecture = read_architecture(content, name)
    found = {spec.name: spec.shape for spec in expected_tensors(content, architecture)}
    assert found == parameters(config)


def test_gemma_3_leaves_out_what_equals_its_defaults() -> None:
    theirs = transformers.Gemma3TextConfig()
    content = {
        "model_type": "gemma3",
        "architectures": ["Gemma3ForConditionalGeneration"],
        "text_config": {"model_type": "gemma3_text", "hidden_size": 2560, "num_hidden_layers": 34},
    }
    ours = read_architecture(content, "gemma")
    assert (ours.layers, ours.hidden_size) == (34, 2560)
    assert ours.heads == theirs.num_attention_heads
    assert ours.kv_heads == theirs.num_key_value_heads
    assert ours.head_dim == theirs.head_dim
    assert ours.vocab_size == theirs.vocab_size
    assert ours.context_length == theirs.max_position_embeddings
    assert ours.tied_embeddings
    names = [spec.name for spec in expected_tensors(content, ours)]
    assert names[0] == "model.language_model.embed_tokens.weight"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (transformers.GPTNeoXConfig(), (44, 6144, 64, 64, 96, 24576, False, False)),
        (transformers.OPTConfig(), (12, 768, 12, 12, 64, 3072, True, False)),
        (transformers.FalconConfig(), (32, 4544, 71, 1, 64, 18176, True, False)),
    ],
    ids=["gpt_neox", "opt", "falcon"],
)
def test_other_spellings(config: transformers.PreTrainedConfig, expected: tuple[Any, ...]) -> None:
    a = read_architecture(config.to_dict(), "x")
    sizes = (a.layers, a.hidden_size, a.heads, a.kv_heads, a.head_dim, a.intermediate_size)
    assert (*sizes, a.tied_embeddings, a.mlp_gated) == expected


def test_experts() -> None:
    mixtral = read_architecture({**transformers.MixtralConfig().to_dict()}, "m")
    qwen = read_architecture({**transformers.Qwen3MoeConfig().to_dict()}, "q")
    assert (mixtral.experts, mixtral.experts_per_token) == (8, 2)
    assert (qwen.experts, qwen.experts_per_token, qwen.intermediate_size) == (128, 8, 768)


LLAMA = {**transformers.LlamaConfig(**SMALL).to_dict(), "architectures": ["LlamaForCausalLM"]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_hidden_layers": 0}, "num_hidden_layers = 0"),
        ({"num_hidden_layers": "many"}, "num_hidden_layers = 'many'"),
        ({"num_hidden_layers": 10**9}, "num_hidden_layers = 1000000000"),
        ({"hidden_size": None}, "has no hidden_size"),
        ({"vocab_size": True}, "vocab_size = True"),
        ({"model_type": None}, "which family"),
        ({"architectures": ["BertForMaskedLM"]}, "a BertForMaskedLM"),
        ({"is_encoder_decoder": True}, "no language model of the decoder kind"),
        ({"quantization_config": {"quant_method": "gptq"}}, r"already quantized \(gptq\)"),
    ],
)
def test_what_cannot_be_trained_is_a_user_error(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_architecture({**LLAMA, **change}, "it")


def test_a_family_whose_tensors_nobody_can_tell() -> None:
    config = transformers.HeliumConfig().to_dict()
    with pytest.raises(UserError, match="'helium' cannot be told") as caught:
        expected_tensors(config, read_architecture(config, "x"))
    assert "safetensors" in caught.value.hint
