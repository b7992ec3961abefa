"""What public code gets wrong (PEFT 0.21), side by side with ours.

Each test first shows that PEFT still does it: when one fails there, PEFT was mended, and the
sentence about it in docs/ranks.md can go.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.ranks import AdapterFiles, BaseWeights, concatenate
from tests.core.ranks.test_dora import stored_base
from tests.core.ranks.test_families import trained

pytestmark = pytest.mark.filterwarnings("ignore")


def product(update: Any) -> np.ndarray:
    return update.scaling * (update.b @ update.a)


def test_merging_one_rslora_adapter_at_weight_one(tmp_path: Path) -> None:
    """`add_weighted_adapter` keeps α/√r and scales the factors as for α/r: √r too large."""
    model = trained("rslora")
    model.save_pretrained(tmp_path)
    model.add_weighted_adapter(["default"], [1.0], "merged", combination_type="cat")
    model.double()
    for update in AdapterFiles(tmp_path).updates():
        layer = model.base_model.model.get_submodule(update.name)
        delta, merged = (layer.get_delta_weight(n).detach().numpy() for n in ("default", "merged"))
        assert np.linalg.norm(merged - delta) > 0.5 * np.linalg.norm(delta)
        ours = product(concatenate([update]))
        assert np.linalg.norm(ours - delta) <= 1e-12 * np.linalg.norm(delta)


def test_converting_dora_drops_the_lengths(tmp_path: Path) -> None:
    """`get_delta_weight`, on which `convert_to_lora` rests, is s·B·A without D."""
    model = trained("dora")
    for name, parameter in model.named_parameters():
        if "magnitude" in name:
            parameter.data *= 1.3
    model.save_pretrained(tmp_path / "adapter")
    base = BaseWeights(stored_base(tmp_path / "base", model))
    model.double()
    for module in AdapterFiles(tmp_path / "adapter", weights=base):
        layer = model.base_model.model.get_submodule(module.name)
        assert layer.supports_lora_conversion()
        before = layer.base_layer.weight.detach().numpy().copy()
        plain = layer.get_delta_weight("default").detach().numpy()
        layer.merge()
        whole = layer.base_layer.weight.detach().numpy() - before
        assert np.linalg.norm(plain - whole) > 0.1 * np.linalg.norm(whole)
        assert module.dora is not None
        ours = (module.dora.ratios - 1)[:, None] * before + product(module.dora.directional)
        assert np.linalg.norm(ours - whole) <= 1e-9 * np.linalg.norm(whole)


def test_a_bfloat16_product_invents_rank() -> None:
    """`get_delta_weight` multiplies in the number type of the adapter; the factors do not lie."""
    import torch

    from core.ranks import Update, spectra_of

    torch.manual_seed(0)
    b, a = (torch.randn(shape).bfloat16() for shape in ((256, 8), (8, 192)))
    formed = torch.linalg.svdvals((b @ a).float()).double().numpy()
    floor = max(256, 192) * np.finfo(np.float32).eps * formed[0]
    assert int((formed > floor).sum()) > 150
    (module,) = spectra_of([Update("x", b.double().numpy(), a.double().numpy())]).modules
    assert module.numerical_rank == 8
    assert formed[8] / formed[0] == pytest.approx(2e-3, rel=0.9)
