"""Files of Diffusers, kohya and LyCORIS, against their formulas written out densely."""

import json
from pathlib import Path

import numpy as np
import pytest

from core.errors import UserError
from core.ranks import AdapterFiles, adapter_spectra
from tests.core.ranks.rank_folders import Q3, pair, safetensors_bytes
from tests.core.ranks.test_families import base_info

BLOCK = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_2_attn1_to_q"


def write(path: Path, tensors: dict[str, np.ndarray], notes: dict[str, str] | None = None) -> Path:
    """Write a file in float64, with notes in its header."""
    stored = {name: ("F64", np.asarray(values, "<f8")) for name, values in tensors.items()}
    raw = safetensors_bytes(stored)
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    header["__metadata__"] = notes or {}
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + raw[8 + length :])
    return path


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def check(path: Path, dense: np.ndarray) -> None:
    """Compare the only module with a dense ΔW."""
    (module,) = adapter_spectra(path).modules
    matrix = dense.reshape(dense.shape[0], -1)
    expected = np.linalg.svd(matrix, compute_uv=False)
    found = np.zeros(len(expected))
    found[: len(module.singular_values)] = module.singular_values
    assert np.abs(found - expected).max() <= 1e-9 * expected[0]
    assert module.shape == matrix.shape


def test_kohya_scales_by_its_alpha_tensor(tmp_path: Path) -> None:
    down, up = random(4, 10), random(12, 4)
    tensors = {
        f"{BLOCK}.lora_down.weight": down,
        f"{BLOCK}.lora_up.weight": up,
        f"{BLOCK}.alpha": np.array(3.0),
    }
    path = write(tmp_path / "x.safetensors", tensors)
    check(path, 3 / 4 * up @ down)
    (module,) = adapter_spectra(path).modules
    assert module.name == "unet.down_blocks.1.attentions.0.transformer_blocks.2.attn1_to_q"
    info = adapter_spectra(path).adapter
    assert (info.name, info.family, info.rank) == ("x", "lora", 4)


def test_without_alpha_nothing_is_scaled(tmp_path: Path) -> None:
    tensors = {
        "lora_te_x.lora_down.weight": random(4, 10),
        "lora_te_x.lora_up.weight": random(8, 4),
    }
    check(write(tmp_path / "x.safetensors", tensors), random(8, 4) @ random(4, 10))


def test_kohyas_names_are_found_again_in_the_base_model(tmp_path: Path) -> None:
    tensors = {
        "lora_te_layers_0_wide.lora_down.weight": random(2, 18),
        "lora_te_layers_0_wide.lora_up.weight": random(24, 2),
    }
    path = write(tmp_path / "x.safetensors", tensors)
    assert next(AdapterFiles(path, base=base_info()).updates()).name == "layers.0.wide"


def test_tucker_form_of_a_convolution(tmp_path: Path) -> None:
    down, mid, up = random(4, 5, 1, 1), random(4, 4, 3, 3), random(7, 4, 1, 1)
    tensors = {
        f"{BLOCK}.lora_down.weight": down,
        f"{BLOCK}.lora_mid.weight": mid,
        f"{BLOCK}.lora_up.weight": up,
        f"{BLOCK}.alpha": np.array(2.0),
    }
    dense = np.einsum("ijkl,pi,jr->prkl", mid, up[:, :, 0, 0], down[:, :, 0, 0])
    check(write(tmp_path / "x.safetensors", tensors), 2 / 4 * dense)


def test_loha(tmp_path: Path) -> None:
    a1, b1, a2, b2 = random(9, 3), random(3, 11), random(9, 2), random(2, 11)
    parts = {"hada_w1_a": a1, "hada_w1_b": b1, "hada_w2_a": a2, "hada_w2_b": b2}
    tensors = {f"{BLOCK}.{part}": values for part, values in parts.items()}
    dense = (a1 @ b1) * (a2 @ b2)
    check(write(tmp_path / "x.safetensors", tensors | {f"{BLOCK}.alpha": np.array(6.0)}), 2 * dense)


def test_lokr_of_two_whole_matrices_is_not_scaled(tmp_path: Path) -> None:
    w1, w2 = random(3, 4), random(6, 5, seed=1)
    tensors = {
        f"{BLOCK}.lokr_w1": w1,
        f"{BLOCK}.lokr_w2": w2,
        f"{BLOCK}.alpha": np.array(16.0),
    }
    check(write(tmp_path / "x.safetensors", tensors), np.kron(w1, w2))


@pytest.mark.parametrize("whole", [True, False])
def test_lokr_of_a_convolution(tmp_path: Path, whole: bool) -> None:
    w1, a, b = random(3, 4), random(6, 2), random(2, 5 * 9)
    kernel = (a @ b).reshape(6, 5, 3, 3)
    second = {"lokr_w2": kernel} if whole else {"lokr_w2_a": a, "lokr_w2_b": b}
    tensors = {f"{BLOCK}.{part}": values for part, values in {"lokr_w1": w1, **second}.items()}
    scaling = 1.0 if whole else 3.0 / 2
    dense = scaling * np.kron(w1[:, :, None, None], kernel)
    check(write(tmp_path / "x.safetensors", tensors | {f"{BLOCK}.alpha": np.array(3.0)}), dense)


@pytest.mark.parametrize(
    ("down", "up"),
    [
        ("unet.mid.attn1.to_q.lora_A.weight", "unet.mid.attn1.to_q.lora_B.weight"),
        ("unet.mid.attn1.to_q.lora.down.weight", "unet.mid.attn1.to_q.lora.up.weight"),
        (
            "unet.mid.attn1.processor.to_q_lora.down.weight",
            "unet.mid.attn1.processor.to_q_lora.up.weight",
        ),
        (
            "unet.mid.attn1.to_q.lora_linear_layer.down.weight",
            "unet.mid.attn1.to_q.lora_linear_layer.up.weight",
        ),
    ],
)
def test_all_keys_of_diffusers(tmp_path: Path, down: str, up: str) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    write(folder / "pytorch_lora_weights.safetensors", {down: random(4, 10), up: random(12, 4)})
    check(folder, random(12, 4) @ random(4, 10))
    assert adapter_spectra(folder).modules[0].name == "unet.mid.attn1.to_q"


@pytest.mark.parametrize("root", [False, True])
def test_diffusers_keeps_alpha_in_the_notes_of_the_file(tmp_path: Path, root: bool) -> None:
    notes = {"unet.lora_alpha": 8, "unet.alpha_pattern": {"to_q": 6}, "unet.use_rslora": root}
    tensors = {
        "unet.a.to_q.lora_A.weight": random(4, 10),
        "unet.a.to_q.lora_B.weight": random(9, 4),
    }
    path = write(tmp_path / "x.safetensors", tensors, {"lora_adapter_metadata": json.dumps(notes)})
    check(path, 6 / (2 if root else 4) * random(9, 4) @ random(4, 10))


BAD = {
    "unknown key": ({f"{BLOCK}.oft_blocks": random(2, 3, 3)}, "unknown tensor .*oft_blocks"),
    "alpha 0": (
        {f"{BLOCK}.lora_down.weight": random(4, 10), f"{BLOCK}.lora_up.weight": random(9, 4),
         f"{BLOCK}.alpha": np.array(0.0)},
        rf"{BLOCK}.alpha is 0",
    ),
    "half": ({f"{BLOCK}.hada_w1_a": random(4, 2)}, "no hada_w1_b"),
    "mixed": (
        {f"{BLOCK}.hada_w1_a": random(4, 2), f"{BLOCK}.lokr_w1": random(2, 2)},
        "fit no family",
    ),
    "twice": (
        {"x.lora_A.weight": random(2, 3), "x.lora_down.weight": random(2, 3)},
        "are both lora_A of x",
    ),
    "PEFT alone": (pair(Q3), "without its adapter_config.json"),
    "empty": ({}, "holds no adapter"),
    "sides differ": (
        {f"{BLOCK}.lora_down.weight": random(4, 10), f"{BLOCK}.lora_up.weight": random(9, 3)},
        "do not fit each other",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_wrong_files(tmp_path: Path, case: str) -> None:
    tensors, message = BAD[case]
    with pytest.raises(UserError, match=message) as caught:
        adapter_spectra(write(tmp_path / "x.safetensors", tensors))
    assert caught.value.hint


@pytest.mark.parametrize("name", ["x.pt", "x.bin", "x.ckpt"])
def test_pickles_are_refused_with_the_way_out(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x80\x04")
    with pytest.raises(UserError, match="pickle") as caught:
        adapter_spectra(tmp_path / name)
    assert "save_file" in caught.value.hint
