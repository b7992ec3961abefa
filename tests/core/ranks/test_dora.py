"""DoRA with its base model at hand, against the weight that PEFT merges."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import UserError
from core.models.info import ModelInfo
from core.ranks import AdapterFiles, BaseWeights, Update
from core.ranks.dora import Magnitude, frobenius_of, split
from tests.core.ranks.rank_folders import PREFIX, Q3, pair, safetensors_bytes, write_adapter
from tests.core.ranks.test_families import base_info, trained

pytestmark = pytest.mark.filterwarnings("ignore")


def stored_base(folder: Path, model: Any) -> ModelInfo:
    """Write W₀ of the adapted layers as a model folder would hold them."""
    tensors = {
        f"{name.removesuffix('.base_layer')}.weight": ("F32", module.weight.detach().numpy())
        for name, module in model.base_model.model.named_modules()
        if name.endswith(".base_layer")
    }
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(safetensors_bytes(tensors))
    return replace(base_info(), path=str(folder))


def test_both_parts_add_up_to_what_peft_merges(tmp_path: Path) -> None:
    import torch

    model = trained("dora")
    for name, parameter in model.named_parameters():
        if "magnitude" in name:
            parameter.data *= 1 + 0.1 * torch.randn_like(parameter)
    model.save_pretrained(tmp_path / "adapter")
    base = stored_base(tmp_path / "base", model)
    model.double()
    files = AdapterFiles(tmp_path / "adapter", weights=BaseWeights(base))
    directional = {update.name: update for update in files.updates()}
    for module in files:
        layer = model.base_model.model.get_submodule(module.name)
        before = layer.base_layer.weight.detach().numpy().copy()
        layer.merge()
        whole = layer.base_layer.weight.detach().numpy() - before
        assert module.dora is not None
        update = directional[module.name]
        product = update.scaling * (update.b @ update.a)
        moved = (module.dora.ratios - 1)[:, None] * before
        assert np.abs(moved + product - whole).max() <= 1e-9 * np.abs(whole).max()
        assert module.dora.magnitude_part == pytest.approx(np.linalg.norm(moved), rel=1e-9)
        assert module.dora.directional_part == pytest.approx(np.linalg.norm(product), rel=1e-9)
        expected = np.linalg.svd(product, compute_uv=False)[:4]
        assert np.abs(module.singular_values - expected).max() <= 1e-9 * expected[0]
        assert module.base_norm == pytest.approx(np.linalg.norm(before), rel=1e-12)
        size = np.linalg.norm(product) / np.linalg.norm(before)
        assert module.relative_size == pytest.approx(size, rel=1e-9)


def test_lengths_of_columns_as_lycoris_keeps_them() -> None:
    random = np.random.default_rng(0)
    w0, b, a = (random.standard_normal(s) for s in ((20, 24), (20, 3), (3, 24)))
    lengths = random.uniform(0.5, 2, 24)
    found = split(Update("x", b, a, 2.0), Magnitude(lengths, "columns"), w0)
    merged = w0 + 2 * b @ a
    merged = merged / np.linalg.norm(merged, axis=0) * lengths
    product = found.directional.b @ found.directional.a
    assert (found.ratios - 1) * w0 + product == pytest.approx(merged - w0, abs=1e-12)


@pytest.mark.parametrize(
    ("key", "shape", "side"),
    [
        ("lora_magnitude_vector", (10,), "rows"),
        ("dora_scale", (1, 10), "columns"),
        ("dora_scale", (10, 1), "rows"),
    ],
)
def test_the_convention_of_a_square_matrix_follows_from_key_and_shape(
    tmp_path: Path, key: str, shape: tuple[int, ...], side: str
) -> None:
    tensors = pair(Q3, (10, 10))
    if key == "dora_scale":
        tensors = {
            "lora_unet_x.lora_down.weight": tensors[f"{PREFIX}{Q3}.lora_A.weight"],
            "lora_unet_x.lora_up.weight": tensors[f"{PREFIX}{Q3}.lora_B.weight"],
            f"lora_unet_x.{key}": np.ones(shape, "<f4"),
        }
        path, name = tmp_path / "x.safetensors", "unet.x"
        path.write_bytes(safetensors_bytes({k: ("F32", v) for k, v in tensors.items()}))
    else:
        tensors[f"{PREFIX}{Q3}.{key}"] = np.ones(shape, "<f4")
        path, name = write_adapter(tmp_path / "a", tensors, {"use_dora": True}), Q3
    magnitude = AdapterFiles(path).magnitude(name)
    assert magnitude is not None
    assert magnitude.side == side


def test_lengths_that_fit_nothing_are_refused(tmp_path: Path) -> None:
    tensors = {**pair(Q3), f"{PREFIX}{Q3}.lora_magnitude_vector": np.ones(11, "<f4")}
    folder = write_adapter(tmp_path / "a", tensors, {"use_dora": True})
    with pytest.raises(UserError, match="lora_magnitude_vector is 11"):
        list(AdapterFiles(folder))


def test_frobenius_without_a_decomposition() -> None:
    random = np.random.default_rng(1)
    update = Update("x", random.standard_normal((9, 3)), random.standard_normal((3, 7)), -1.5)
    assert frobenius_of(update) == pytest.approx(np.linalg.norm(1.5 * update.b @ update.a))
