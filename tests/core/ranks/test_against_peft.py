"""Adapters that PEFT itself saved, against PEFT's own get_delta_weight and a dense SVD."""

from pathlib import Path

import numpy as np
import pytest

from core.ranks import adapter_spectra

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

METHODS = {
    "lora": {},
    "rslora": {"use_rslora": True},
    "dora": {"use_dora": True},
    "patterns": {
        "rank_pattern": {"q_proj": 3, "layers.1.mlp.down_proj": 7},
        "alpha_pattern": {"up_proj": 1},
    },
}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("method", METHODS)
def test_saved_by_peft(tiny_model: Path, tmp_path: Path, method: str, dtype: str) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    base = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    config = LoraConfig(r=5, lora_alpha=12, target_modules="all-linear", **METHODS[method])
    model = get_peft_model(base, config)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    model.to(getattr(torch, dtype)).save_pretrained(tmp_path)
    model.to(torch.float64)

    spectra = adapter_spectra(tmp_path)
    assert len(spectra.modules) == 14
    for module in spectra.modules:
        layer = model.base_model.model.get_submodule(module.name)
        delta = layer.get_delta_weight("default").detach().numpy()
        expected = np.linalg.svd(delta, compute_uv=False)[: module.rank]
        assert module.shape == delta.shape
        assert np.abs(module.singular_values - expected).max() <= 1e-10 * expected[0]
        assert module.scaling == pytest.approx(layer.scaling["default"], rel=1e-15)
    assert spectra.adapter.family == (method if method in ("rslora", "dora") else "lora")
    assert spectra.adapter.dtype == {"float32": "F32", "bfloat16": "BF16"}[dtype]


def test_conv1d_stores_its_weight_transposed(tmp_path: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    base = GPT2LMHeadModel(GPT2Config(n_layer=1, n_embd=16, n_head=2, n_positions=16, vocab_size=9))
    model = get_peft_model(base, LoraConfig(r=2, target_modules=["c_attn"], fan_in_fan_out=True))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    model.save_pretrained(tmp_path)
    model.to(torch.float64)
    (module,) = adapter_spectra(tmp_path).modules
    delta = model.base_model.model.get_submodule(module.name).get_delta_weight("default")
    assert module.shape == tuple(delta.T.shape)
    expected = np.linalg.svd(delta.detach().numpy(), compute_uv=False)[:2]
    assert module.singular_values == pytest.approx(expected, rel=1e-10)
