"""Adapters that PEFT itself makes on the tiny model, and the logits that it gives with a folder."""

from pathlib import Path
from typing import Any

import torch
from peft import LoHaConfig, LoKrConfig, LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

_ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
KINDS: dict[str, Any] = {
    "lora": lambda: LoraConfig(r=5, lora_alpha=12, target_modules=_ALL),
    "rslora": lambda: LoraConfig(r=6, lora_alpha=12, use_rslora=True, target_modules=_ALL),
    "dora": lambda: LoraConfig(r=4, lora_alpha=8, use_dora=True, target_modules=_ALL),
    "patterns": lambda: LoraConfig(
        r=4,
        lora_alpha=8,
        target_modules=_ALL,
        rank_pattern={"q_proj": 7, "layers.1.mlp.down_proj": 2},
        alpha_pattern={"up_proj": 3, "q_proj": 5},
    ),
    "tables": lambda: LoraConfig(r=3, lora_alpha=6, target_modules=["embed_tokens", "v_proj"]),
    "loha": lambda: LoHaConfig(r=2, alpha=3, target_modules=_ALL),
    "lokr": lambda: LoKrConfig(r=2, alpha=3, target_modules=["q_proj", "up_proj"]),
}


def make(base: Path, folder: Path, kind: str, *, seed: int = 1, dtype: str = "float32") -> Path:
    """Save an adapter whose every factor is random, so that it changes the model."""
    torch.manual_seed(seed)
    model = get_peft_model(_base(base), KINDS[kind]())
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and "magnitude" not in name:
            torch.nn.init.normal_(parameter, std=0.15)
        elif parameter.requires_grad:
            parameter.data *= 1 + 0.2 * torch.rand_like(parameter)
    model.to(getattr(torch, dtype)).save_pretrained(folder)
    return folder


def logits(base: Path, folder: Path | None) -> torch.Tensor:
    """Return what PEFT's own loader makes of the folder, in float64; without one, of the base."""
    model = _base(base)
    if folder is not None:
        model = PeftModel.from_pretrained(model, folder)
    model = model.double().eval()
    with torch.no_grad():
        return model(input_ids=torch.arange(3, 40)[None]).logits


def effect_error(base: Path, made: Path, meant: Path) -> float:
    """Return how far the logits of `made` are from those of `meant`, over what `meant` changes."""
    wanted = logits(base, meant)
    effect = (wanted - logits(base, None)).norm()
    return float((logits(base, made) - wanted).norm() / effect)


def _base(folder: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
