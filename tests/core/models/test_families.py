"""Every family that is written down against the modules that transformers builds for it."""

import warnings
from typing import Any

import pytest
import torch
import transformers

from core.errors import UserError
from core.models.architecture import read_architecture, read_dimensions
from core.models.expected import expected_tensors
from core.models.families import FAMILIES
from core.models.families.base import UnknownFamily
from tests.core.models.published_configs import PUBLISHED

Shapes = dict[str, tuple[int, ...]]
SIZES = {
    "vocab_size": 320,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 5,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
LATENT = {
    "kv_lora_rank": 16,
    "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 4,
    "v_head_dim": 12,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 24,
    "n_group": 1,
    "topk_group": 1,
}
TOWER = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": 28,
    "patch_size": 14,
    "vision_use_head": False,
}
CASES: dict[str, dict[str, Any]] = {
    **{family: {} for family in FAMILIES if not FAMILIES[family].code_only},
    "llama, biases": {"attention_bias": True, "mlp_bias": True, "tie_word_embeddings": True},
    "mistral": {"head_dim": 32},
    "qwen2, tied": {"tie_word_embeddings": True, "use_sliding_window": True},
    "qwen3, biases": {"attention_bias": True},
    "gemma2, biases": {"attention_bias": True},
    "cohere, norms of queries": {"use_qk_norm": True},
    "stablelm, parallel": {"use_parallel_residual": True, "qk_layernorm": True},
    "starcoder2, no biases": {"use_bias": False},
    "phi, norms of queries": {"qk_layernorm": True},
    "phi, tied": {"tie_word_embeddings": True},
    "gptj, tied": {"tie_word_embeddings": True, "rotary_dim": 4},
    "gptj": {"rotary_dim": 4},
    "gpt_neo": {"attention_types": [[["global"], 5]]},
    "ministral": {"head_dim": 16},
    "gpt_bigcode, many keys": {"multi_query": False},
    "falcon, as in 40B": {"new_decoder_architecture": True, "num_kv_heads": 2},
    "falcon, in a row": {"parallel_attn": False, "bias": True, "multi_query": False},
    "opt, as in 350M": {"word_embed_proj_dim": 16, "do_layer_norm_before": False},
    "mpt": {"d_model": 64, "n_heads": 4, "n_layers": 3},
    "phimoe, biases": {"attention_bias": True, "lm_head_bias": True},
    "qwen2_moe, some dense": {"mlp_only_layers": [1], "decoder_sparse_step": 2},
    "qwen3_moe, some dense": {"mlp_only_layers": [0, 4], "num_experts": 9},
    "gpt_oss": {"num_local_experts": 4},
    "deepseek_v2": LATENT,
    "deepseek_v2, no rank": {**LATENT, "q_lora_rank": None, "first_k_dense_replace": 2},
    "deepseek_v3": LATENT,
    "deepseek_v3, biases": {**LATENT, "attention_bias": True, "first_k_dense_replace": 0},
    "esm, rotary": {"position_embedding_type": "rotary", "emb_layer_norm_before": True},
    "bert, untied": {"tie_word_embeddings": False},
    "roberta, untied": {"tie_word_embeddings": False},
    "vit": {"image_size": 32, "patch_size": 8, "num_labels": 7, "qkv_bias": False},
    "gemma3": {"text_config": SIZES, "vision_config": TOWER},
}
"""A family (up to a comma), and what makes the model different from the sizes above."""
HEADS = {
    "bert": transformers.AutoModelForMaskedLM,
    "roberta": transformers.AutoModelForMaskedLM,
    "esm": transformers.AutoModelForMaskedLM,
    "vit": transformers.AutoModelForImageClassification,
}


def config_of(case: str) -> transformers.PreTrainedConfig:
    family = case.split(",")[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        usual = transformers.AutoConfig.for_model(family)
        sizes = {key: size for key, size in SIZES.items() if hasattr(usual, key)}
        return transformers.AutoConfig.for_model(family, **{**sizes, **CASES[case]})


def built(config: transformers.PreTrainedConfig, kind: str = "") -> Shapes:
    """Return the parameters of the modules, a tied one once."""
    with warnings.catch_warnings(), torch.device("meta"):
        warnings.simplefilter("ignore")
        if kind:
            model = getattr(transformers, kind)(config)
        else:
            auto = HEADS.get(config.model_type, transformers.AutoModelForCausalLM)
            model = auto.from_config(config)
    return {name: tuple(weight.shape) for name, weight in model.named_parameters()}


def derived(content: dict[str, Any]) -> Shapes:
    shapes = expected_tensors(content, read_dimensions(content, "it"))
    assert len({spec.name for spec in shapes}) == len(shapes)
    return {spec.name: spec.shape for spec in shapes}


@pytest.mark.parametrize("case", CASES)
def test_names_and_shapes_are_those_of_the_modules(case: str) -> None:
    config = config_of(case)
    assert derived(config.to_dict()) == built(config)


@pytest.mark.parametrize("case", CASES)
def test_what_equals_the_defaults_of_the_class_may_be_left_out(case: str) -> None:
    config = config_of(case)
    usual = type(config)().to_dict()
    sizes = (
        *SIZES,
        "ffn_dim",
        "n_embd",
        "n_layer",
        "n_head",
        "num_layers",
        "num_heads",
        "d_model",
        "n_layers",
    )
    content = {
        key: value
        for key, value in config.to_dict().items()
        if key in (*sizes, "n_heads", "model_type") or value != usual.get(key, not value)
    }
    assert derived(content) == built(config)


@pytest.mark.parametrize("kind", ["BertModel", "RobertaModel", "EsmModel", "ViTModel"])
def test_encoders_without_a_head(kind: str) -> None:
    config = config_of(kind.removesuffix("Model").lower())
    content = {**config.to_dict(), "architectures": [kind]}
    assert derived(content) == built(config, kind)


def test_a_head_that_is_not_written_down() -> None:
    content = {**config_of("bert").to_dict(), "architectures": ["BertForTokenClassification"]}
    with pytest.raises(UnknownFamily, match="BertForTokenClassification"):
        derived(content)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_models_have_their_published_size(name: str) -> None:
    content, published = PUBLISHED[name]
    tensors = expected_tensors(content, read_dimensions(content, name))
    exact = isinstance(published, int)
    count = sum(spec.parameters for spec in tensors)
    assert count == pytest.approx(published, rel=0 if exact else 0.003)


@pytest.mark.parametrize(
    "name", [name for name in PUBLISHED if name not in ("Qwen-7B", "Baichuan2-13B")]
)
def test_published_configs_make_those_modules(name: str) -> None:
    content = dict(PUBLISHED[name][0])
    settings = {key: content[key] for key in content if key not in ("architectures", "model_type")}
    config = transformers.AutoConfig.for_model(content["model_type"], **settings)
    kind = content["architectures"][0].replace("MPT", "Mpt")
    assert derived(content) == built(config, kind)


def test_windows_caps_and_shares_are_read() -> None:
    gemma_2, gemma_3, oss, mistral, llama = (
        read_dimensions(PUBLISHED[name][0], name)
        for name in ("Gemma-2-9B", "Gemma-3-27B", "gpt-oss-20b", "Mistral-7B-v0.1", "Llama-3.1-8B")
    )
    assert (gemma_2.window, gemma_2.windowed_layers, gemma_2.norms) == (4096, 21, 4)
    assert (gemma_2.attention_cap, gemma_2.logit_cap) == (50.0, 30.0)
    assert (gemma_3.window, gemma_3.windowed_layers, gemma_3.query_norms) == (1024, 52, True)
    assert (oss.window, oss.windowed_layers) == (128, 12)
    assert (mistral.window, mistral.windowed_layers) == (4096, 32)
    assert (llama.window, llama.attention_cap, llama.dropout) == (0, 0.0, 0.0)


def test_latent_attention_and_experts_are_read() -> None:
    a = read_dimensions(PUBLISHED["DeepSeek-V3"][0], "it")
    assert (a.head_dim, a.value_dim, a.rotary_dim) == (192, 128, 64)
    assert (a.query_rank, a.key_rank, a.kv_heads) == (1536, 512, 128)
    assert (a.experts, a.experts_per_token, a.intermediate_size) == (256, 8, 2048)
    assert (a.shared_size, a.dense_layers, a.dense_size) == (2048, 3, 18432)


def test_shapes_of_blocks_are_read() -> None:
    a = {name: read_dimensions(content, name) for name, (content, _) in PUBLISHED.items()}
    assert [a[name].parallel for name in ("GPT-NeoX-20B", "Phi-1.5", "Falcon-7B", "Command R")] == [
        True
    ] * 4
    assert [a[name].positions for name in ("GPT-2", "OPT-350M", "BLOOM-176B", "MPT-7B")] == [
        *("learned", "learned", "alibi", "alibi")
    ]
    assert a["Baichuan2-13B"].positions == "alibi"
    assert (a["Falcon-40B"].kv_heads, a["Falcon-7B"].kv_heads, a["santacoder"].kv_heads) == (
        8,
        1,
        1,
    )
    assert [a[name].kind for name in ("BERT-base", "ESM-2 650M", "ViT-B/16")] == [
        *("encoder", "encoder", "vision")
    ]
    assert (a["ViT-B/16"].context_length, a["ViT-B/16"].vocab_size) == (197, 1000)
    assert not a["Falcon-7B"].quantizable


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("DeepSeek-V3", r"already quantized \(fp8\)"),
        ("Qwen-7B", "code that was published with it"),
        ("ESM-2 650M", "no language model of the decoder kind, but a EsmForMaskedLM"),
        ("ViT-B/16", "no language model of the decoder kind"),
    ],
)
def test_what_can_only_be_planned_says_so(name: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read_architecture(PUBLISHED[name][0], name)
    assert caught.value.hint
