"""Adapter folders made by hand: safetensors bytes and a config, so that each part can be broken."""

import json
from pathlib import Path
from typing import Any

import numpy as np

CONFIG: dict[str, Any] = {
    "peft_type": "LORA",
    "r": 4,
    "lora_alpha": 8,
    "base_model_name_or_path": "some/base",
}
PREFIX = "base_model.model."
Q3 = "model.layers.3.self_attn.q_proj"
UP0 = "model.layers.0.mlp.up_proj"


def to_bf16(values: np.ndarray) -> np.ndarray:
    """Return the upper 16 bits, rounded to nearest even, as uint16."""
    bits = values.astype("<f4").view("<u4").astype(np.uint64)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")


def safetensors_bytes(tensors: dict[str, tuple[str, np.ndarray]]) -> bytes:
    """Return a file from (dtype name, stored array) by tensor name."""
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, (dtype, values) in tensors.items():
        raw = values.tobytes()
        offsets = [len(data), len(data) + len(raw)]
        header[name] = {"dtype": dtype, "shape": list(values.shape), "data_offsets": offsets}
        data += raw
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def pair(
    module: str, shape: tuple[int, int] = (12, 10), rank: int = 4, seed: int = 0
) -> dict[str, np.ndarray]:
    """Return lora_A (r, n) and lora_B (m, r) of one module, in float32."""
    random = np.random.default_rng([seed, *module.encode()])
    return {
        f"{PREFIX}{module}.lora_A.weight": random.standard_normal((rank, shape[1])).astype("<f4"),
        f"{PREFIX}{module}.lora_B.weight": random.standard_normal((shape[0], rank)).astype("<f4"),
    }


def write_adapter(
    folder: Path,
    tensors: dict[str, np.ndarray],
    config: dict[str, Any] | None = None,
    dtype: str = "F32",
) -> Path:
    """Write a PEFT folder with all `tensors` stored as `dtype` (F32, F16, F64 or BF16)."""
    store = {"F32": "<f4", "F16": "<f2", "F64": "<f8"}
    stored = {
        name: (dtype, to_bf16(values) if dtype == "BF16" else values.astype(store[dtype]))
        for name, values in tensors.items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adapter_model.safetensors").write_bytes(safetensors_bytes(stored))
    (folder / "adapter_config.json").write_text(json.dumps({**CONFIG, **(config or {})}))
    return folder


def dense(tensors: dict[str, np.ndarray], module: str, scaling: float) -> np.ndarray:
    """Return the singular values of the full matrix s·B·A in float64: the independent way."""
    b = tensors[f"{PREFIX}{module}.lora_B.weight"].astype(np.float64)
    a = tensors[f"{PREFIX}{module}.lora_A.weight"].astype(np.float64)
    return np.linalg.svd(scaling * (b @ a), compute_uv=False)[: b.shape[1]]
