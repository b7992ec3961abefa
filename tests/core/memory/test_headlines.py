"""What people know of well-known models, planned from their config.json alone."""

import json
from pathlib import Path

import pytest

from core.memory import MemoryPlan, plan_memory, plan_methods
from core.memory.cards import CARDS
from core.memory.methods import METHODS
from core.memory.verdict import judge
from core.models.info import ModelInfo
from core.models.sources import open_model
from core.settings import RunSettings
from tests.core.models.published_configs import PUBLISHED

LORA, INT8, NF4, NF4_DQ, FULL = METHODS
USUAL = RunSettings().with_changes({"model.dtype": "bf16"})
OPT_175B = {
    "architectures": ["OPTForCausalLM"],
    "model_type": "opt",
    "ffn_dim": 49152,
    "hidden_size": 12288,
    "max_position_embeddings": 2048,
    "num_attention_heads": 96,
    "num_hidden_layers": 96,
    "vocab_size": 50272,
}
"""Meta's copy of GPT-3, which has its shapes and a config.json."""


@pytest.fixture
def opened(tmp_path: Path):  # type: ignore[no-untyped-def]
    """Return a function that opens a model of which only config.json is there."""

    def open_one(name: str, content: dict | None = None) -> ModelInfo:
        folder = tmp_path / name.replace("/", "-")
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(content or PUBLISHED[name][0]))
        return open_model(str(folder), planning=True)

    return open_one


def card(name: str):  # type: ignore[no-untyped-def]
    return next(card for card in CARDS if card.name == name)


def test_llama_65b_trains_in_4_bits_on_48_gb(opened) -> None:
    # Dettmers et al., arXiv:2305.14314, abstract: "finetune a 65B parameter model on a single 48GB
    # GPU". All linear layers, r = 64, double quantization, checkpointing, batch 1, length 512.
    changes = {
        "adapter.rank": 64,
        "data.max_length": 512,
        "training.micro_batch": 1,
        "training.optimizer": "paged_adamw8bit",
        "training.gradient_checkpointing": "all",
    }
    llama, settings = opened("Llama-65B"), USUAL.with_changes(changes)
    plans = plan_methods(llama, settings, card("NVIDIA RTX A6000"))
    answers = {plan.label: judge(plan, card("NVIDIA RTX A6000")) for plan in plans}
    assert answers["QLoRA 4-bit DQ"] == "tight"  # they paged the optimizer to be safe
    assert plans[3].peak_bytes < 48e9
    assert plans[3].high_bytes < card("NVIDIA RTX A6000").free_bytes
    assert answers["LoRA 16-bit"] == answers["Full fine-tuning"] == "does not fit"
    assert plans[3].trained_parameters == pytest.approx(0.0123 * llama.parameters, rel=0.01)


def test_gpt_3_trains_a_ten_thousandth_in_less_than_a_third_of_the_memory(opened) -> None:
    # Hu et al., arXiv:2106.09685, section 4.2: r = 4 on q and v reduces "VRAM consumption during
    # training from 1.2TB to 350GB" and the checkpoint "by roughly 10,000x (from 350GB to 35MB)".
    # 350 GB are the 175 B frozen weights of 2 bytes and nothing else. 1.2 TB are 7 bytes per
    # parameter: more than weights and both moments in 16 bits, less than these and the gradients,
    # which are sharded there. Neither counts activations or what a step needs for a moment.
    changes = {"adapter.rank": 4, "adapter.targets": ("q_proj", "v_proj")}
    gpt_3 = opened("OPT-175B", OPT_175B)
    lora, *_, full = plan_methods(gpt_3, USUAL.with_changes(changes))
    assert gpt_3.parameters == pytest.approx(175e9, rel=0.01)
    assert lora.trained_parameters == 96 * 2 * 4 * (12288 + 12288)
    assert 9_000 < gpt_3.parameters / lora.trained_parameters < 10_000
    assert lora.parts["weights"] == pytest.approx(350e9, rel=0.01)
    kept = full.parts["weights"] + full.parts["optimizer"]
    assert kept < 1.2e12 < kept + full.parts["gradients"]
    held = sum(lora.parts[part] for part in ("weights", "adapter", "gradients", "optimizer"))
    assert 0.24 < held / (kept + full.parts["gradients"]) < held / 1.2e12 < 0.34


@pytest.mark.parametrize(
    ("name", "full", "lora", "qlora"),
    [
        ("Llama-3.1-8B", 60e9, 16e9, 6e9),
        ("Llama-3.1-70B", 500e9, 160e9, 48e9),
        ("Llama-3.1-405B", 3.25e12, 950e9, 250e9),
    ],
)
def test_llama_3_1_needs_what_its_makers_say(opened, name, full, lora, qlora) -> None:
    # huggingface.co/blog/llama31, "Training Memory Requirements": round numbers, of the weights
    # where those are frozen, and of something between 6 and 10 bytes per parameter where not.
    changes = {"training.gradient_checkpointing": "all", "training.micro_batch": 1}
    plans = plan_methods(opened(name), USUAL.with_changes({**changes, "data.max_length": 512}))
    assert plans[4].parts["weights"] + plans[4].parts["optimizer"] < full < plans[4].peak_bytes
    assert plans[0].parts["weights"] == pytest.approx(lora, rel=0.15)
    assert plans[3].parts["weights"] == pytest.approx(qlora, rel=0.2)
    assert plans[0].peak_bytes < 1.15 * lora


@pytest.mark.parametrize(("name", "weights"), [("1B", 2e9), ("4B", 8e9), ("27B", 54e9)])
def test_gemma_3_weighs_what_its_makers_say(opened, name: str, weights: float) -> None:
    # developers.googleblog.com, "Gemma 3 QAT models": VRAM to load in BF16, rounded.
    plan = plan_memory(opened(f"Gemma-3-{name}"), USUAL, method=LORA)
    assert plan.parts["weights"] == pytest.approx(weights, rel=0.08)


@pytest.mark.parametrize(
    ("name", "experts"),
    [("Mixtral-8x7B", 0.966), ("Qwen3-30B-A3B", 0.949), ("DeepSeek-V3", 0.975)],
)
def test_experts_stay_in_16_bits(opened, name: str, experts: float) -> None:
    # They are parameters of three dimensions in transformers 5; bitsandbytes replaces Linear only.
    model = opened(name)
    lora, *_, double, _ = plan_methods(model, USUAL)
    assert double.parts["weights"] > experts * lora.parts["weights"]
    assert "down_proj" not in {module.label for module in model.grid.modules}


def test_qwen_3_30b_in_4_bits_weighs_what_was_measured(opened) -> None:
    # bitsandbytes issue 1849: get_memory_footprint() with nf4 and double quantization, 55.60 GiB.
    plan = plan_memory(opened("Qwen3-30B-A3B"), USUAL, method=NF4_DQ)
    assert plan.parts["weights"] / 2**30 == pytest.approx(55.60, rel=0.002)


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_published_config_can_be_planned(opened, name: str) -> None:
    info = opened(name)
    plans = plan_methods(info, USUAL.with_changes({"training.gradient_checkpointing": "all"}))
    weights = [plan.parts["weights"] for plan in plans]
    assert weights[0] == weights[4] == 2 * info.parameters
    assert weights[0] >= weights[1] >= weights[2] >= weights[3]
    assert all(0 < plan.low_bytes < plan.peak_bytes < plan.high_bytes for plan in plans)
    assert 0 < plans[0].trained_share < 0.08
    assert plans[4].peak_bytes > 3.5 * plans[0].parts["weights"]


@pytest.mark.parametrize(
    ("name", "device"),
    [
        ("GPT-2", "NVIDIA GeForce RTX 3060"),
        ("ViT-B/16", "NVIDIA GeForce RTX 3060"),
        ("ESM-2 650M", "NVIDIA GeForce RTX 3060"),
        ("Qwen3-0.6B", "NVIDIA GeForce RTX 3060"),
        ("Phi-3-mini", "NVIDIA GeForce RTX 4090"),
        ("Qwen3-8B", "NVIDIA GeForce RTX 4090"),
    ],
)
def test_what_people_train_at_home_fits_at_home(opened, name: str, device: str) -> None:
    changes = {
        "training.gradient_checkpointing": "all",
        "training.micro_batch": 1,
        "data.max_length": 512,
    }
    plan: MemoryPlan = plan_memory(opened(name), USUAL.with_changes(changes), method=LORA)
    assert judge(plan, card(device)) == "fits"
