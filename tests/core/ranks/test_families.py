"""Every family that PEFT trains, saved by PEFT, against PEFT's own ΔW and a dense float64 SVD."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import UserError
from core.models.info import Architecture, ModelInfo, TensorSpec
from core.ranks import AdapterFiles, adapter_spectra, check_base
from core.ranks.families import FAMILIES
from tests.core.ranks.rank_folders import Q3, UP0, pair, write_adapter

pytestmark = pytest.mark.filterwarnings("ignore")

SHAPES = {"wide": (24, 18), "tall": (36, 24), "square": (24, 24)}


def base_model() -> Any:
    """Return three linear layers, a convolution and an embedding under layers.0."""
    import torch

    torch.manual_seed(0)
    block = torch.nn.ModuleDict(
        {name: torch.nn.Linear(n, m, bias=False) for name, (m, n) in SHAPES.items()}
        | {"conv": torch.nn.Conv2d(6, 12, 3), "embed": torch.nn.Embedding(40, 12)}
    )
    return torch.nn.ModuleDict({"layers": torch.nn.ModuleList([block])})


def base_info() -> ModelInfo:
    architecture = Architecture(
        family="llama", layers=1, hidden_size=24, heads=1, kv_heads=1, head_dim=24,
        intermediate_size=36, vocab_size=40, context_length=64, tied_embeddings=True,
    )  # fmt: skip
    tensors = tuple(TensorSpec(f"layers.0.{n}.weight", s, "F32", 0) for n, s in SHAPES.items())
    return ModelInfo(
        source="x", name="Tiny", path="", kind="folder", architecture=architecture,
        tensors=tensors, dtype="fp32",
    )  # fmt: skip


LINEAR = list(SHAPES)
PATTERNS = {"rank_pattern": {"tall": 3}, "alpha_pattern": {"square": 5}}
LORA = {"r": 4, "lora_alpha": 6, "target_modules": LINEAR}
# PEFT rounds the scaling of LoHa to float32: these quotients have no rounding.
WIDE = {"r": 4, "alpha": 6, "target_modules": [*LINEAR, "conv"]}
KRONECKER = {"alpha": 5, "target_modules": LINEAR}
CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "lora": ("lora", "LoraConfig", {**LORA, **PATTERNS}),
    "rslora": ("rslora", "LoraConfig", {**LORA, "use_rslora": True}),
    "negative": ("lora", "LoraConfig", {**LORA, "lora_alpha": -6}),
    "conv": ("lora", "LoraConfig", {**LORA, "target_modules": ["conv", "embed"]}),
    "dora": ("dora", "LoraConfig", {**LORA, "use_dora": True}),
    "adalora": (
        "adalora",
        "AdaLoraConfig",
        {"init_r": 6, "lora_alpha": 5, "total_step": 10, "target_modules": LINEAR},
    ),
    "loha": ("loha", "LoHaConfig", {**WIDE, **PATTERNS}),
    "loha-tucker": (
        "loha",
        "LoHaConfig",
        {**WIDE, "target_modules": ["conv"], "use_effective_conv2d": True},
    ),
    "lokr": ("lokr", "LoKrConfig", {**KRONECKER, "r": 2, "target_modules": [*LINEAR, "conv"]}),
    "lokr-both": (
        "lokr",
        "LoKrConfig",
        {**KRONECKER, "r": 1, "decompose_both": True, "decompose_factor": 4},
    ),
    "lokr-whole": ("lokr", "LoKrConfig", {**KRONECKER, "r": 30}),
    "lokr-tucker": (
        "lokr",
        "LoKrConfig",
        {**KRONECKER, "r": 1, "target_modules": ["conv"], "use_effective_conv2d": True},
    ),
    "vera": ("vera", "VeraConfig", {"r": 5, "target_modules": LINEAR}),
    "vera-seed": (
        "vera",
        "VeraConfig",
        {"r": 5, "target_modules": LINEAR, "save_projection": False, "projection_prng_key": 77},
    ),
    "ia3": ("ia3", "IA3Config", {"target_modules": LINEAR, "feedforward_modules": ["tall"]}),
}


def trained(case: str) -> Any:
    """Return the model with an adapter of random numbers."""
    import peft
    import torch
    from peft import get_peft_model

    torch.manual_seed(1)
    _, kind, arguments = CASES[case]
    config = getattr(peft, kind)(**arguments)
    model = get_peft_model(base_model(), config)
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and "magnitude" not in name:
            torch.nn.init.normal_(parameter)
    return model


def spectrum_of(delta: Any) -> np.ndarray:
    matrix = np.asarray(delta.detach().double().numpy())
    return np.linalg.svd(matrix.reshape(matrix.shape[0], -1), compute_uv=False)


@pytest.mark.parametrize("case", [case for case in CASES if case != "ia3"])
def test_agrees_with_peft(tmp_path: Path, case: str) -> None:
    family = CASES[case][0]
    model = trained(case)
    model.save_pretrained(tmp_path)
    model.double()
    spectra = adapter_spectra(tmp_path, base_info())
    assert spectra.adapter.family == family
    assert len(spectra.modules) == sum("base_layer" in n for n, _ in model.named_modules())
    for module in spectra.modules:
        layer = model.base_model.model.get_submodule(module.name)
        expected = spectrum_of(layer.get_delta_weight("default"))
        found = np.zeros(len(expected))
        found[: len(module.singular_values)] = module.singular_values
        assert np.abs(found - expected).max() <= 1e-9 * expected[0], module.name
        assert np.prod(module.shape) == layer.get_delta_weight("default").numel()


@pytest.mark.parametrize("case", [case for case in CASES if case != "ia3"])
def test_factors_multiply_to_pefts_update(tmp_path: Path, case: str) -> None:
    model = trained(case)
    model.save_pretrained(tmp_path)
    model.double()
    files = AdapterFiles(tmp_path, base=base_info())
    try:
        updates = list(files.updates())
    except UserError as error:
        assert "full rank" in error.message  # noqa: PT017 - which of the two depends on the case
        assert case.startswith("lokr")
        return
    for update in updates:
        layer = model.base_model.model.get_submodule(update.name)
        expected = layer.get_delta_weight("default").detach().numpy()
        product = update.scaling * (update.b @ update.a)
        assert np.abs(product - expected.reshape(product.shape)).max() <= 1e-12


def test_vera_says_that_it_drew_its_matrices_again(tmp_path: Path) -> None:
    trained("vera-seed").save_pretrained(tmp_path)
    assert "drawn again from the seed" in adapter_spectra(tmp_path, base_info()).adapter.notes[0]


def test_vera_needs_its_base_model(tmp_path: Path) -> None:
    trained("vera").save_pretrained(tmp_path)
    with pytest.raises(UserError, match="does not tell the shapes"):
        adapter_spectra(tmp_path)


def test_pruned_adalora_is_scaled_by_the_rank_it_began_with(tmp_path: Path) -> None:
    """As PEFT does when it loads: a pruned module keeps the first rank in its scaling."""
    import torch
    from peft import PeftModel

    model = trained("adalora")
    keep = {"wide": [True, False, True, True, False, False], "tall": [False] * 6}
    config = model.peft_config["default"]
    config.rank_pattern = {f"layers.0.{name}.lora_E": keep.get(name, [True] * 6) for name in SHAPES}
    model.save_pretrained(tmp_path)
    loaded = PeftModel.from_pretrained(base_model(), tmp_path)
    with torch.no_grad():
        loaded.double()
    ranks = {"wide": 3, "tall": 1, "square": 6}
    for module in adapter_spectra(tmp_path).modules:
        kind = module.name.rpartition(".")[2]
        assert module.rank == ranks[kind]
        if kind == "tall":
            assert not module.trained
            continue
        delta = loaded.base_model.model.get_submodule(module.name).get_delta_weight("default")
        expected = spectrum_of(delta)[: module.rank]
        assert np.abs(module.singular_values - expected).max() <= 1e-9 * expected[0]


def test_ia3_gives_its_vectors(tmp_path: Path) -> None:
    model = trained("ia3")
    model.save_pretrained(tmp_path)
    spectra = adapter_spectra(tmp_path)
    assert spectra.modules == ()
    assert spectra.trained
    sides = {vector.name: vector.side for vector in spectra.vectors}
    assert sides == {"layers.0.wide": "out", "layers.0.tall": "in", "layers.0.square": "out"}
    for vector in spectra.vectors:
        layer = model.base_model.model.get_submodule(vector.name)
        stored = layer.ia3_l["default"].detach().numpy()
        assert vector.values == pytest.approx(stored.ravel())
        before = layer.base_layer.weight.detach().numpy()
        scaled = before * (vector.values[:, None] if vector.side == "out" else vector.values)
        with warnings.catch_warnings():
            layer.merge()
        assert scaled == pytest.approx(layer.base_layer.weight.detach().numpy(), abs=1e-6)
    with pytest.raises(UserError, match="no low-rank update"):
        list(AdapterFiles(tmp_path).updates())


class Experts:
    """Three experts as parameters of one module, in the order of transformers."""

    def __new__(cls) -> Any:
        import torch

        class Module(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.gate_up_proj = torch.nn.Parameter(torch.randn(3, 20, 12))
                self.down_proj = torch.nn.Parameter(torch.randn(3, 12, 10))

        return Module()


def test_experts_have_a_product_each(tmp_path: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    tree = torch.nn.ModuleDict({"mlp": torch.nn.ModuleDict({"experts": Experts()})})
    model = torch.nn.ModuleDict({"layers": torch.nn.ModuleList([tree])})
    targets = ["mlp.experts.down_proj", "mlp.experts.gate_up_proj"]
    config = LoraConfig(
        r=2, lora_alpha=3, target_modules=[], target_parameters=targets,
        rank_pattern={"experts.down_proj": 4},
    )  # fmt: skip
    peft = get_peft_model(model, config)
    for parameter in peft.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter)
    peft.save_pretrained(tmp_path)
    peft.double()
    files = AdapterFiles(tmp_path)
    spectra = files.spectra(list(files))
    assert len(spectra.modules) == files.total == 6
    fused = replace(base_info(), tensors=(TensorSpec("layers.0.mlp.experts.down", (3,), "F32", 0),))
    assert check_base(spectra, fused) == 6
    with pytest.raises(UserError, match="0 of 6 modules match"):
        check_base(spectra, base_info())
    wrapper = peft.base_model.model.layers[0].mlp.experts
    while hasattr(wrapper, "parameter_name"):
        delta = wrapper.get_delta_weight("default")
        for expert in range(3):
            module = spectra.by_name[f"layers.0.mlp.experts.{expert}.{wrapper.parameter_name}"]
            expected = spectrum_of(delta[expert])[: module.rank]
            assert module.shape == tuple(delta[expert].shape)
            assert np.abs(module.singular_values - expected).max() <= 1e-9 * expected[0]
        wrapper = wrapper.base_layer
    assert {module.rank for module in spectra.modules} == {2, 4}


@pytest.mark.parametrize("start", ["pissa", "olora"])
def test_change_since_a_start_that_changed_the_base(tmp_path: Path, start: str) -> None:
    """Against PEFT's own conversion (`subtract_mutated_init`) and the dense difference."""
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    config = LoraConfig(r=4, lora_alpha=6, target_modules=list(SHAPES), init_lora_weights=start)
    model = get_peft_model(base_model(), config)
    model.save_pretrained(tmp_path / "start")
    untouched = AdapterFiles(tmp_path / "start", start=tmp_path / "start")
    assert {float(module.singular_values.max()) for module in untouched} == {0.0}

    before = {n: p.detach().double().clone() for n, p in model.named_parameters() if "lora_" in n}
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.01 * torch.randn_like(parameter)
    model.save_pretrained(tmp_path / "end")
    after = {n: p.detach().double() for n, p in model.named_parameters() if "lora_" in n}
    files = AdapterFiles(tmp_path / "end", start=tmp_path / "start")
    for module in files:
        names = [f"base_model.model.{module.name}.lora_{side}.default.weight" for side in "BA"]
        (b, a), (b0, a0) = ([values[name] for name in names] for values in (after, before))
        expected = spectrum_of(6 / 4 * (b @ a - b0 @ a0))[:8]
        assert np.abs(module.singular_values - expected).max() <= 1e-9 * expected[0]
    assert "since the start" in files.spectra(list(files)).adapter.notes[0]


def test_a_start_without_the_module_is_refused(tmp_path: Path) -> None:
    whole = write_adapter(tmp_path / "whole", {**pair(Q3), **pair(UP0)})
    half = write_adapter(tmp_path / "half", pair(Q3))
    with pytest.raises(UserError, match=f"half has no update of {UP0}"):
        list(AdapterFiles(whole, start=half))


def test_relora_adds_what_was_merged_before(tmp_path: Path) -> None:
    folders = []
    total: dict[str, np.ndarray] = {}
    for number in range(3):
        import torch
        from peft import LoraConfig, get_peft_model

        torch.manual_seed(number)
        model = get_peft_model(base_model(), LoraConfig(r=2, target_modules=list(SHAPES)))
        for parameter in model.parameters():
            if parameter.requires_grad:
                torch.nn.init.normal_(parameter)
        folders.append(tmp_path / str(number))
        model.save_pretrained(folders[-1])
        model.double()
        for name in SHAPES:
            layer = model.base_model.model.get_submodule(f"layers.0.{name}")
            total[name] = total.get(name, 0) + layer.get_delta_weight("default").detach().numpy()
    for module in AdapterFiles(folders[-1], earlier=folders[:-1]):
        expected = np.linalg.svd(total[module.name.rpartition(".")[2]], compute_uv=False)[:6]
        assert module.rank == 6
        assert np.abs(module.singular_values - expected).max() <= 1e-9 * expected[0]


def test_every_family_of_the_folder_is_tested() -> None:
    tested = {"lora", "adalora", "vera", "loha", "lokr", "ia3", "experts"}
    assert set(FAMILIES) == tested
