"""Loading in 16, 8 and 4 bits on a CPU, and what a stranger's folder cannot do."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from core.errors import UserError
from core.models.load import load_model, load_tokenizer, safe_config, without_suspicious
from core.models.sources import open_model
from core.settings import ModelSettings

pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
IDS = torch.tensor([[5, 6, 7, 8, 9, 10]])


@pytest.fixture
def copy(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "copy"))


def load(folder: Path, **settings: Any) -> Any:
    return load_model(folder, ModelSettings(**settings), dtype=torch.float32, device="cpu")


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model(input_ids=IDS).logits.float()
    return found


def test_sixteen_bits_are_the_weights_of_the_file(tiny_model: Path) -> None:
    from transformers import AutoModelForCausalLM

    ours = load_model(
        open_model(str(tiny_model)), ModelSettings(), dtype=torch.float32, device="cpu"
    )
    theirs = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    assert torch.equal(logits(ours), logits(theirs))
    assert ours.config._attn_implementation == "sdpa"
    assert load(tiny_model, attention="eager").config._attn_implementation == "eager"


def test_a_model_that_no_kernel_attends_for_is_loaded_all_the_same(copy: Path) -> None:
    from transformers import AutoConfig, AutoModelForCausalLM

    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "head_dim": 16}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 128}
    config = AutoConfig.for_model("gemma2", **sizes, **heads)
    AutoModelForCausalLM.from_config(config).save_pretrained(copy)
    model = load(copy)
    assert model.config._attn_implementation == "eager"
    assert logits(model).isfinite().all()


@pytest.mark.parametrize(("bits", "error"), [(8, 0.05), (4, 0.3)])
def test_quantized_weights_compute_nearly_the_same(
    bits: int, error: float, tiny_model: Path
) -> None:
    exact, coarse = logits(load(tiny_model)), logits(load(tiny_model, bits=bits))
    relative = (exact - coarse).norm() / exact.norm()
    assert 0 < relative < error


@pytest.mark.parametrize("double_quant", [True, False])
def test_double_quantization_is_what_was_asked_for(double_quant: bool, tiny_model: Path) -> None:
    from bitsandbytes.nn import Linear4bit

    model = load(tiny_model, bits=4, double_quant=double_quant)
    layers = [module for module in model.modules() if isinstance(module, Linear4bit)]
    assert len(layers) == 14
    assert {layer.weight.quant_state.quant_type for layer in layers} == {"nf4"}
    assert {layer.weight.quant_state.nested for layer in layers} == {double_quant}


@pytest.mark.parametrize("bits", [16, 8, 4])
def test_a_gradient_flows_after_an_evaluation(bits: int, tiny_model: Path) -> None:
    """Bitsandbytes 0.50 repacks 4-bit weights in evaluation mode and then has no backward."""
    from peft import LoraConfig, get_peft_model

    model = get_peft_model(
        load(tiny_model, bits=bits), LoraConfig(r=2, target_modules=["q_proj", "down_proj"])
    )
    model.eval()
    logits(model)
    model.train()
    model(input_ids=IDS, labels=IDS).loss.backward()
    factors = [p for name, p in model.named_parameters() if "lora_B" in name]
    assert len(factors) == 4
    assert all(p.grad is not None and p.grad.norm() > 0 for p in factors)


def test_keys_that_name_code_are_dropped_at_any_depth(copy: Path) -> None:
    file = copy / "config.json"
    content = json.loads(file.read_text())
    content |= {
        "_attn_implementation_internal": "evil/kernel",
        "attn_implementation": "evil/kernel",
        "auto_map": {"AutoModelForCausalLM": "evil.Model"},
        "use_kernels": True,
        "nested": {"auto_map": 1, "conv_kernel": 4, "list": [{"kernel_config": 1, "fine": 2}]},
    }
    file.write_text(json.dumps(content))
    assert without_suspicious(content)["nested"] == {"conv_kernel": 4, "list": [{"fine": 2}]}
    config = safe_config(copy)
    assert "evil" not in str(config.to_dict())
    assert load(copy).config._attn_implementation == "sdpa"


def test_a_broken_folder_is_refused_before_transformers_sees_it(copy: Path) -> None:
    file = copy / "model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:-8])
    with pytest.raises(UserError, match="cut off: 8 bytes"):
        load(copy)
    file.unlink()
    with pytest.raises(UserError, match="no safetensors"):
        load(copy)
    (copy / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(UserError, match="pickle"):
        load(copy)


def test_an_unknown_family_is_a_user_error(copy: Path) -> None:
    file = copy / "config.json"
    file.write_text(file.read_text().replace('"llama"', '"unheard_of"'))
    with pytest.raises(UserError, match="unheard_of"):
        load(copy)


def test_the_padding_token_needs_no_new_embedding(copy: Path) -> None:
    file = copy / "tokenizer_config.json"
    settings = json.loads(file.read_text())
    settings.pop("pad_token")
    file.write_text(json.dumps(settings))
    size = len(load_tokenizer(copy))
    assert load_tokenizer(copy).pad_token == "<|endoftext|>"
    assert size == json.loads((copy / "config.json").read_text())["vocab_size"]


def test_a_missing_tokenizer_is_a_user_error(copy: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (copy / name).unlink()
    with pytest.raises(UserError, match="tokenizer of copy"):
        load_tokenizer(copy)
