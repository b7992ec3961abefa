"""What published config.json files say, as far as shapes depend on it, and how many parameters
their authors, or the headers of the published weights, count."""

from typing import Any


def _llama(
    hidden: int, inner: int, layers: int, heads: int, kv_heads: int, words: int, **more: Any
) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": hidden,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "vocab_size": words,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        **more,
    }


def _like_llama(family: str, kind: str, *sizes: int, **more: Any) -> dict[str, Any]:
    return {**_llama(*sizes), "model_type": family, "architectures": [kind], **more}


def _gemma_3(hidden: int, inner: int, layers: int, **more: Any) -> dict[str, Any]:
    """Gemma 3 with its tower: the text part leaves out what equals the defaults of its class."""
    return {
        "architectures": ["Gemma3ForConditionalGeneration"],
        "model_type": "gemma3",
        "text_config": {
            "hidden_size": hidden,
            "intermediate_size": inner,
            "model_type": "gemma3_text",
            "num_hidden_layers": layers,
            "sliding_window": 1024,
            **more,
        },
        "torch_dtype": "bfloat16",
        "vision_config": {
            "hidden_size": 1152,
            "image_size": 896,
            "intermediate_size": 4304,
            "model_type": "siglip_vision_model",
            "num_attention_heads": 16,
            "num_hidden_layers": 27,
            "patch_size": 14,
            "vision_use_head": False,
        },
    }


def _gpt2(width: int, layers: int, heads: int) -> dict[str, Any]:
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "n_embd": width,
        "n_layer": layers,
        "n_head": heads,
        "n_positions": 1024,
        "vocab_size": 50257,
        "activation_function": "gelu_new",
        "resid_pdrop": 0.1,
    }


def _deepseek(**sizes: Any) -> dict[str, Any]:
    return {
        "num_key_value_heads": sizes["num_attention_heads"],
        "kv_lora_rank": 512,
        "qk_nope_head_dim": 128,
        "qk_rope_head_dim": 64,
        "v_head_dim": 128,
        "moe_layer_freq": 1,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        **sizes,
    }


_QWEN_3 = {"head_dim": 128, "attention_bias": False, "use_sliding_window": False}
_QWEN_3_MOE = {
    **_QWEN_3,
    "decoder_sparse_step": 1,
    "mlp_only_layers": [],
    "num_experts": 128,
    "num_experts_per_tok": 8,
}
_FP8 = {"quantization_config": {"quant_method": "fp8", "fmt": "e4m3"}}
_MXFP4 = {"quantization_config": {"quant_method": "mxfp4"}}

PUBLISHED: dict[str, tuple[dict[str, Any], float]] = {
    "Llama-2-7B": (_llama(4096, 11008, 32, 32, 32, 32000), 6_738_415_616),
    "Llama-65B": (_llama(8192, 22016, 80, 64, 64, 32000), 65_285_660_672),
    "Llama-2-70B": (_llama(8192, 28672, 80, 64, 8, 32000), 68_976_648_192),
    "Llama-3.1-8B": (_llama(4096, 14336, 32, 32, 8, 128_256), 8_030_261_248),
    "Llama-3.1-70B": (_llama(8192, 28672, 80, 64, 8, 128_256), 70_553_706_496),
    "Llama-3.1-405B": (_llama(16384, 53248, 126, 128, 8, 128_256), 405_853_388_800),
    "Llama-3.2-1B": (
        _llama(2048, 8192, 16, 32, 8, 128_256, head_dim=64, tie_word_embeddings=True),
        1_235_814_400,
    ),
    "SmolLM2-135M": (
        _llama(576, 1536, 30, 9, 3, 49152, tie_word_embeddings=True),
        134_515_008,
    ),
    "Mistral-7B-v0.1": (
        _like_llama("mistral", "MistralForCausalLM", 4096, 14336, 32, 32, 8, 32000),
        7_241_732_096,
    ),
    "Mistral-Nemo": (
        _like_llama("mistral", "MistralForCausalLM", 5120, 14336, 40, 32, 8, 131_072, head_dim=128),
        12_247_782_400,
    ),
    "Mixtral-8x7B": (
        _like_llama(
            "mixtral",
            "MixtralForCausalLM",
            *(4096, 14336, 32, 32, 8, 32000),
            num_local_experts=8,
            num_experts_per_tok=2,
            sliding_window=None,
        ),
        46_702_792_704,
    ),
    "Qwen2.5-0.5B": (
        _like_llama(
            "qwen2",
            "Qwen2ForCausalLM",
            *(896, 4864, 24, 14, 2, 151_936),
            tie_word_embeddings=True,
        ),
        494_032_768,
    ),
    "Qwen2.5-7B": (
        _like_llama("qwen2", "Qwen2ForCausalLM", 3584, 18944, 28, 28, 4, 152_064),
        7_615_616_512,
    ),
    "Qwen2.5-72B": (
        _like_llama("qwen2", "Qwen2ForCausalLM", 8192, 29568, 80, 64, 8, 152_064),
        72_706_203_648,
    ),
    "Qwen3-0.6B": (
        _like_llama(
            "qwen3",
            "Qwen3ForCausalLM",
            *(1024, 3072, 28, 16, 8, 151_936),
            tie_word_embeddings=True,
            **_QWEN_3,
        ),
        596_049_920,
    ),
    "Qwen3-8B": (
        _like_llama("qwen3", "Qwen3ForCausalLM", 4096, 12288, 36, 32, 8, 151_936, **_QWEN_3),
        8_190_735_360,
    ),
    "Qwen3-30B-A3B": (
        _like_llama(
            "qwen3_moe",
            "Qwen3MoeForCausalLM",
            *(2048, 6144, 48, 32, 4, 151_936),
            moe_intermediate_size=768,
            **_QWEN_3_MOE,
        ),
        30_532_122_624,
    ),
    "Qwen3-235B-A22B": (
        _like_llama(
            "qwen3_moe",
            "Qwen3MoeForCausalLM",
            *(4096, 12288, 94, 64, 4, 151_936),
            moe_intermediate_size=1536,
            **_QWEN_3_MOE,
        ),
        235_093_634_560,
    ),
    "Qwen1.5-MoE-A2.7B": (
        _like_llama(
            "qwen2_moe",
            "Qwen2MoeForCausalLM",
            *(2048, 5632, 24, 16, 16, 151_936),
            decoder_sparse_step=1,
            moe_intermediate_size=1408,
            shared_expert_intermediate_size=5632,
            num_experts=60,
            num_experts_per_tok=4,
            use_sliding_window=False,
        ),
        14_315_784_192,
    ),
    "Gemma-2B": (
        _like_llama(
            "gemma",
            "GemmaForCausalLM",
            *(2048, 16384, 18, 8, 1, 256_000),
            head_dim=256,
            tie_word_embeddings=True,
        ),
        2_506_172_416,
    ),
    "Gemma-2-9B": (
        _like_llama(
            "gemma2",
            "Gemma2ForCausalLM",
            *(3584, 14336, 42, 16, 8, 256_000),
            head_dim=256,
            tie_word_embeddings=True,
            attn_logit_softcapping=50.0,
            final_logit_softcapping=30.0,
            sliding_window=4096,
        ),
        9_241_705_984,
    ),
    "Gemma-3-1B": (
        _like_llama(
            "gemma3_text",
            "Gemma3ForCausalLM",
            *(1152, 6912, 26, 4, 1, 262_144),
            head_dim=256,
            tie_word_embeddings=True,
            sliding_window=512,
            sliding_window_pattern=6,
        ),
        999_885_952,
    ),
    "Gemma-3-4B": (_gemma_3(2560, 10240, 34), 4_300_079_472),
    "Gemma-3-27B": (
        _gemma_3(
            5376,
            21504,
            62,
            num_attention_heads=32,
            num_key_value_heads=16,
            head_dim=128,
        ),
        27_432_406_640,
    ),
    "Phi-1.5": (
        {
            "architectures": ["PhiForCausalLM"],
            "model_type": "phi",
            "hidden_size": 2048,
            "intermediate_size": 8192,
            "num_hidden_layers": 24,
            "num_attention_heads": 32,
            "num_key_value_heads": None,
            "vocab_size": 51200,
            "hidden_act": "gelu_new",
            "tie_word_embeddings": False,
        },
        1_418_270_720,
    ),
    "Phi-3-mini": (
        _like_llama("phi3", "Phi3ForCausalLM", 3072, 8192, 32, 32, 32, 32064),
        3_821_079_552,
    ),
    "Phi-4": (
        _like_llama("phi3", "Phi3ForCausalLM", 5120, 17920, 40, 40, 10, 100_352),
        14_659_507_200,
    ),
    "Phi-3.5-MoE": (
        _like_llama(
            "phimoe",
            "PhimoeForCausalLM",
            *(4096, 6400, 32, 32, 8, 32064),
            num_local_experts=16,
            num_experts_per_tok=2,
            attention_bias=True,
            lm_head_bias=True,
        ),
        41_873_153_344,
    ),
    "OLMoE-1B-7B": (
        _like_llama(
            "olmoe",
            "OlmoeForCausalLM",
            *(2048, 1024, 16, 16, 16, 50304),
            num_experts=64,
            num_experts_per_tok=8,
        ),
        6_919_161_856,
    ),
    "gpt-oss-20b": (
        _like_llama(
            "gpt_oss",
            "GptOssForCausalLM",
            *(2880, 2880, 24, 64, 8, 201_088),
            head_dim=64,
            attention_bias=True,
            num_local_experts=32,
            num_experts_per_tok=4,
            sliding_window=128,
            layer_types=["sliding_attention", "full_attention"] * 12,
            **_MXFP4,
        ),
        20_914_757_184,
    ),
    "DeepSeek-V2-Lite": (
        _deepseek(
            architectures=["DeepseekV2ForCausalLM"],
            model_type="deepseek_v2",
            hidden_size=2048,
            intermediate_size=10944,
            moe_intermediate_size=1408,
            num_hidden_layers=27,
            num_attention_heads=16,
            first_k_dense_replace=1,
            n_routed_experts=64,
            n_shared_experts=2,
            num_experts_per_tok=6,
            q_lora_rank=None,
            vocab_size=102_400,
        ),
        15_706_484_224,
    ),
    "DeepSeek-V3": (
        _deepseek(
            architectures=["DeepseekV3ForCausalLM"],
            model_type="deepseek_v3",
            hidden_size=7168,
            intermediate_size=18432,
            moe_intermediate_size=2048,
            num_hidden_layers=61,
            num_attention_heads=128,
            first_k_dense_replace=3,
            n_routed_experts=256,
            n_shared_experts=1,
            num_experts_per_tok=8,
            q_lora_rank=1536,
            vocab_size=129_280,
            max_position_embeddings=163_840,
            num_nextn_predict_layers=1,
            **_FP8,
        ),
        671e9,
    ),
    "GPT-2": (_gpt2(768, 12, 12), 124_439_808),
    "GPT-2 XL": (_gpt2(1600, 48, 25), 1_557_611_200),
    "GPT-NeoX-20B": (
        {
            "architectures": ["GPTNeoXForCausalLM"],
            "model_type": "gpt_neox",
            "hidden_size": 6144,
            "intermediate_size": 24576,
            "num_hidden_layers": 44,
            "num_attention_heads": 64,
            "vocab_size": 50432,
            "hidden_act": "gelu_fast",
            "tie_word_embeddings": False,
        },
        20_554_567_680,
    ),
    "Falcon-7B": (
        {
            "architectures": ["FalconForCausalLM"],
            "model_type": "falcon",
            "alibi": False,
            "bias": False,
            "hidden_size": 4544,
            "multi_query": True,
            "new_decoder_architecture": False,
            "num_attention_heads": 71,
            "num_hidden_layers": 32,
            "parallel_attn": True,
            "vocab_size": 65024,
        },
        7_217_189_760 - 65024 * 4544,  # the file holds the tied head twice
    ),
    "Falcon-40B": (
        {
            "architectures": ["FalconForCausalLM"],
            "model_type": "falcon",
            "bias": False,
            "hidden_size": 8192,
            "new_decoder_architecture": True,
            "num_attention_heads": 128,
            "num_kv_heads": 8,
            "num_hidden_layers": 60,
            "parallel_attn": True,
            "vocab_size": 65024,
        },
        41.3e9,
    ),
    "santacoder": (
        {
            "architectures": ["GPTBigCodeForCausalLM"],
            "model_type": "gpt_bigcode",
            "multi_query": True,
            "n_embd": 2048,
            "n_head": 16,
            "n_inner": 8192,
            "n_layer": 24,
            "n_positions": 2048,
            "vocab_size": 49280,
        },
        1.1249e9,
    ),
    "OPT-350M": (
        {
            "architectures": ["OPTForCausalLM"],
            "model_type": "opt",
            "do_layer_norm_before": False,
            "ffn_dim": 4096,
            "hidden_size": 1024,
            "max_position_embeddings": 2048,
            "num_attention_heads": 16,
            "num_hidden_layers": 24,
            "vocab_size": 50272,
            "word_embed_proj_dim": 512,
        },
        331_196_416,
    ),
    "BLOOM-176B": (
        {
            "architectures": ["BloomForCausalLM"],
            "model_type": "bloom",
            "n_embed": 14336,
            "n_layer": 70,
            "num_attention_heads": 112,
            "vocab_size": 250_880,
        },
        176_247_271_424,
    ),
    "MPT-7B": (
        {
            "architectures": ["MPTForCausalLM"],
            "model_type": "mpt",
            "d_model": 4096,
            "expansion_ratio": 4,
            "max_seq_len": 2048,
            "n_heads": 32,
            "n_layers": 32,
            "no_bias": True,
            "vocab_size": 50432,
        },
        6_649_286_656,
    ),
    "Baichuan2-13B": (
        {
            "architectures": ["BaichuanForCausalLM"],
            "model_type": "baichuan",
            "hidden_size": 5120,
            "intermediate_size": 13696,
            "model_max_length": 4096,
            "num_attention_heads": 40,
            "num_hidden_layers": 40,
            "tie_word_embeddings": False,
            "vocab_size": 125_696,
        },
        13.8967e9,
    ),
    "Qwen-7B": (
        {
            "architectures": ["QWenLMHeadModel"],
            "model_type": "qwen",
            "hidden_size": 4096,
            "intermediate_size": 22016,
            "kv_channels": 128,
            "no_bias": True,
            "num_attention_heads": 32,
            "num_hidden_layers": 32,
            "seq_length": 8192,
            "tie_word_embeddings": False,
            "vocab_size": 151_936,
        },
        7_721_324_544,
    ),
    "Command R": (
        _like_llama(
            "cohere",
            "CohereForCausalLM",
            *(8192, 22528, 40, 64, 64, 256_000),
            tie_word_embeddings=True,
            use_qk_norm=False,
        ),
        34_980_831_232,
    ),
    "StarCoder2-7B": (
        {
            "architectures": ["Starcoder2ForCausalLM"],
            "model_type": "starcoder2",
            "hidden_size": 4608,
            "intermediate_size": 18432,
            "num_hidden_layers": 32,
            "num_attention_heads": 36,
            "num_key_value_heads": 4,
            "use_bias": True,
            "vocab_size": 49152,
        },
        7_173_923_840,
    ),
    "BERT-base": (
        {
            "architectures": ["BertForMaskedLM"],
            "model_type": "bert",
            "hidden_size": 768,
            "intermediate_size": 3072,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "vocab_size": 30522,
        },
        109_514_298,
    ),
    "ESM-2 650M": (
        {
            "architectures": ["EsmForMaskedLM"],
            "model_type": "esm",
            "emb_layer_norm_before": False,
            "hidden_size": 1280,
            "intermediate_size": 5120,
            "max_position_embeddings": 1026,
            "num_attention_heads": 20,
            "num_hidden_layers": 33,
            "position_embedding_type": "rotary",
            "token_dropout": True,
            "vocab_size": 33,
        },
        650e6,
    ),
    "ViT-B/16": (
        {
            "architectures": ["ViTForImageClassification"],
            "model_type": "vit",
            "hidden_size": 768,
            "image_size": 224,
            "intermediate_size": 3072,
            "num_attention_heads": 12,
            "num_channels": 3,
            "num_hidden_layers": 12,
            "patch_size": 16,
            "qkv_bias": True,
            "id2label": {str(label): f"label {label}" for label in range(1000)},
        },
        86_567_656,
    ),
}
"""Name: what its config.json says, and its parameters; a rounded number where that is published."""
