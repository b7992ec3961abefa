"""PEFT folders: every storage type, every family, and everything that can be wrong with one."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import UserError
from core.models.info import Architecture, ModelInfo, TensorSpec
from core.ranks import adapter_spectra, check_base
from core.ranks.peft_format import WEIGHTS_FILE
from core.run_folder import RunFolder
from core.settings import RunSettings
from tests.core.ranks.rank_folders import (
    PREFIX,
    Q3,
    UP0,
    dense,
    pair,
    safetensors_bytes,
    to_bf16,
    write_adapter,
)


def test_lora_agrees_with_dense_svd(tmp_path: Path) -> None:
    tensors = {**pair(Q3), **pair(UP0, (24, 10))}
    spectra = adapter_spectra(write_adapter(tmp_path / "a", tensors))
    assert [module.name for module in spectra.modules] == [UP0, Q3]
    assert spectra.by_name[UP0].shape == (24, 10)
    for name in (Q3, UP0):
        expected = dense(tensors, name, 8 / 4)
        found = spectra.by_name[name].singular_values
        assert np.abs(found - expected).max() <= 1e-10 * expected[0]
    info = spectra.adapter
    assert (info.family, info.rank, info.alpha, info.dtype) == ("lora", 4, 8.0, "F32")
    assert info.base_model == "some/base"
    assert info.parameters == 4 * (12 + 10) + 4 * (24 + 10)


def test_rslora_scales_by_the_square_root(tmp_path: Path) -> None:
    tensors = pair(Q3)
    spectra = adapter_spectra(write_adapter(tmp_path / "a", tensors, {"use_rslora": True}))
    expected = dense(tensors, Q3, 8 / math.sqrt(4))
    assert np.abs(spectra.modules[0].singular_values - expected).max() <= 1e-10 * expected[0]
    assert spectra.adapter.family == "rslora"


@pytest.mark.parametrize("square_root", [False, True])
def test_patterns_give_modules_their_own_rank_and_alpha(tmp_path: Path, square_root: bool) -> None:
    tensors = {**pair(Q3, rank=2), **pair(UP0), **pair("model.layers.1.mlp.up_proj", rank=3)}
    config = {
        "use_rslora": square_root,
        "rank_pattern": {"q_proj": 2, r"^model\.layers\.1\.mlp\.up_proj": 3},
        "alpha_pattern": {r"layers\.[01]\.mlp\.up_proj": 5},
    }
    spectra = adapter_spectra(write_adapter(tmp_path / "a", tensors, config))
    wanted = {Q3: (2, 8), UP0: (4, 5), "model.layers.1.mlp.up_proj": (3, 5)}
    for name, (rank, alpha) in wanted.items():
        scaling = alpha / (math.sqrt(rank) if square_root else rank)
        expected = dense(tensors, name, scaling)
        assert spectra.by_name[name].rank == rank
        assert spectra.by_name[name].scaling == pytest.approx(scaling)
        assert np.abs(spectra.by_name[name].singular_values - expected).max() <= 1e-9


@pytest.mark.parametrize(("dtype", "tolerance"), [("F64", 1e-12), ("F16", 2e-3), ("BF16", 1e-2)])
def test_storage_types(tmp_path: Path, dtype: str, tolerance: float) -> None:
    tensors = pair(Q3)
    spectra = adapter_spectra(write_adapter(tmp_path / "a", tensors, dtype=dtype))
    expected = dense(tensors, Q3, 2.0)
    assert spectra.modules[0].singular_values == pytest.approx(expected, rel=tolerance)
    assert spectra.adapter.dtype == dtype


def test_bf16_is_read_to_the_last_bit(tmp_path: Path) -> None:
    tensors = pair(Q3)
    rounded = {
        key: (to_bf16(value).astype("<u4") << 16).view("<f4") for key, value in tensors.items()
    }
    found = adapter_spectra(write_adapter(tmp_path / "a", tensors, dtype="BF16")).modules[0]
    expected = dense(rounded, Q3, 2.0)
    assert np.abs(found.singular_values - expected).max() <= 1e-10 * expected[0]


def test_adapter_name_in_the_keys_and_no_prefix(tmp_path: Path) -> None:
    tensors = {
        key.replace(".weight", ".default.weight").removeprefix(PREFIX): value
        for key, value in pair(Q3).items()
    }
    assert adapter_spectra(write_adapter(tmp_path / "a", tensors)).modules[0].name == Q3


def test_embedding_is_the_transpose_of_the_product(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    tensors = {
        f"{PREFIX}model.embed_tokens.lora_embedding_A": random.standard_normal((4, 50)),
        f"{PREFIX}model.embed_tokens.lora_embedding_B": random.standard_normal((8, 4)),
    }
    module = adapter_spectra(write_adapter(tmp_path / "a", tensors, dtype="F64")).modules[0]
    assert module.shape == (50, 8)
    a, b = tensors.values()
    expected = np.linalg.svd(2.0 * (b @ a), compute_uv=False)[:4]
    assert module.singular_values == pytest.approx(expected, rel=1e-10)


def test_convolution_is_flattened(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    tensors = {
        f"{PREFIX}stem.conv.lora_A.weight": random.standard_normal((4, 3, 3, 3)),
        f"{PREFIX}stem.conv.lora_B.weight": random.standard_normal((8, 4, 1, 1)),
    }
    module = adapter_spectra(write_adapter(tmp_path / "a", tensors, dtype="F64")).modules[0]
    assert module.shape == (8, 27)


def test_untrained_adapter_is_said_to_be_untrained(tmp_path: Path) -> None:
    tensors = {key: value * ("lora_A" in key) for key, value in pair(Q3).items()}
    spectra = adapter_spectra(write_adapter(tmp_path / "a", tensors))
    assert not spectra.trained
    assert any(note.startswith("Untrained") for note in spectra.adapter.notes)


def test_dora_is_labelled(tmp_path: Path) -> None:
    magnitude = {f"{PREFIX}{Q3}.lora_magnitude_vector.weight": np.ones(12, "<f4")}
    spectra = adapter_spectra(
        write_adapter(tmp_path / "a", {**pair(Q3), **magnitude}, {"use_dora": True})
    )
    assert spectra.adapter.family == "dora"
    assert len(spectra.adapter.notes) == 1
    assert "directional part" in spectra.adapter.notes[0]


def test_starts_that_change_the_base_and_further_tensors_are_noted(tmp_path: Path) -> None:
    further = {f"{PREFIX}lm_head.weight": np.ones((3, 3), "<f4")}
    config = {"init_lora_weights": "pissa_niter_4"}
    spectra = adapter_spectra(write_adapter(tmp_path / "a", {**pair(Q3), **further}, config))
    assert "pissa_niter_4" in spectra.adapter.notes[0]
    assert "lm_head.weight" in spectra.adapter.notes[1]


def changed(key: str, value: np.ndarray | None) -> dict[str, np.ndarray]:
    """Return a good pair with one tensor replaced, or left out."""
    tensors = {**pair(Q3), f"{PREFIX}{Q3}.{key}": value}
    return {name: tensor for name, tensor in tensors.items() if tensor is not None}


BAD_TENSORS = {
    "no partner": (changed("lora_B.weight", None), "has lora_A but no lora_B"),
    "no lora keys": ({"model.norm.weight": np.ones(4, "<f4")}, "no lora_A and lora_B"),
    "no tensors": ({}, "no lora_A and lora_B"),
    "two ranks": (changed("lora_A.weight", np.ones((3, 10), "<f4")), "do not fit each other"),
    "other rank": (pair(Q3, rank=3), "says rank 4"),
    "a key that nobody knows": (
        {**pair(Q3), f"{PREFIX}{Q3}.lora_C.weight": np.ones((4, 4), "<f4")},
        "unknown tensor .*lora_C",
    ),
    "no matrix": (changed("lora_A.weight", np.ones(4, "<f4")), "is no matrix"),
    "empty": (changed("lora_A.weight", np.ones((4, 0), "<f4")), "is no matrix"),
    "NaN": (changed("lora_B.weight", np.full((12, 4), np.nan, "<f4")), rf"lora_B of {Q3}"),
    "two adapters": (changed("lora_A.other.weight", np.ones((4, 10), "<f4")), "2 adapters"),
}


@pytest.mark.parametrize("case", BAD_TENSORS)
def test_wrong_tensors(tmp_path: Path, case: str) -> None:
    tensors, message = BAD_TENSORS[case]
    with pytest.raises(UserError, match=message) as caught:
        adapter_spectra(write_adapter(tmp_path / "a", tensors))
    assert caught.value.hint


BAD_CONFIGS: dict[str, tuple[dict[str, Any], str]] = {
    "another kind": ({"peft_type": "OFT"}, "OFT adapter"),
    "another product": ({"use_qalora": True}, "use_qalora"),
    "bare parameters no list": ({"target_parameters": "experts.w"}, "no list of names"),
    "DoRA without lengths": ({"use_dora": True}, "has no lora_magnitude_vector"),
    "rank 0": ({"r": 0}, "not between 1 and 4096"),
    "rank too high": ({"r": 4097}, "not between 1 and 4096"),
    "rank no number": ({"r": "16"}, "not between 1 and 4096"),
    "rank true": ({"r": True}, "not between 1 and 4096"),
    "alpha infinite": ({"lora_alpha": float("inf")}, "no finite number"),
    "alpha missing": ({"lora_alpha": None}, "no finite number"),
    "pattern no table": ({"rank_pattern": [1]}, "no table"),
    "pattern no expression": ({"rank_pattern": {"(": 4}}, "no pattern"),
    "rank in pattern": ({"rank_pattern": {"q_proj": -1}}, "not between 1 and 4096"),
}


@pytest.mark.parametrize("case", BAD_CONFIGS)
def test_wrong_configs(tmp_path: Path, case: str) -> None:
    config, message = BAD_CONFIGS[case]
    with pytest.raises(UserError, match=message):
        adapter_spectra(write_adapter(tmp_path / "a", pair(Q3), config))


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000])
def test_config_that_is_no_json(tmp_path: Path, text: str) -> None:
    folder = write_adapter(tmp_path / "a", pair(Q3))
    (folder / "adapter_config.json").write_text(text)
    with pytest.raises(UserError, match="no JSON object"):
        adapter_spectra(folder)


def test_every_cut_of_the_file_is_an_error(tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "a", pair(Q3))
    file = folder / WEIGHTS_FILE
    whole = file.read_bytes()
    for size in range(0, len(whole), 7):
        file.write_bytes(whole[:size])
        with pytest.raises(UserError, match=r"is damaged|is cut off|is no safetensors file"):
            adapter_spectra(folder)


HUGE = 2**62
ENTRY = {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}
BAD_HEADERS: dict[str, Any] = {
    "list": [1],
    "entry no table": {"x": 5},
    "no shape": {"x": {"dtype": "F32", "data_offsets": [0, 16]}},
    "three offsets": {"x": {**ENTRY, "data_offsets": [0, 8, 16]}},
    "negative": {"x": {**ENTRY, "data_offsets": [-16, 0]}},
    "backwards": {"x": {**ENTRY, "data_offsets": [16, 0]}},
    "float sizes": {"x": {**ENTRY, "shape": [2.0, 2]}},
    "huge shape": {"x": {**ENTRY, "shape": [HUGE, HUGE]}},
    "huge offset": {"x": {**ENTRY, "shape": [HUGE], "data_offsets": [0, HUGE * 4]}},
    "many axes": {"x": {**ENTRY, "shape": [1] * 5000}},
    "dtype no text": {"x": {**ENTRY, "dtype": ["F32"]}},
}


@pytest.mark.parametrize("case", BAD_HEADERS)
def test_headers_are_checked_before_anything_is_reserved(tmp_path: Path, case: str) -> None:
    folder = write_adapter(tmp_path / "a", pair(Q3))
    text = json.dumps(BAD_HEADERS[case]).encode()
    data = len(text).to_bytes(8, "little") + text + b"\0" * 16
    (folder / WEIGHTS_FILE).write_bytes(data)
    with pytest.raises(UserError, match=r"is damaged|is cut off"):
        adapter_spectra(folder)


def test_a_header_length_beyond_the_file(tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "a", pair(Q3))
    (folder / WEIGHTS_FILE).write_bytes((2**63).to_bytes(8, "little") + b"{}")
    with pytest.raises(UserError, match="announces a header of 9,223,372,036,854,775,808 bytes"):
        adapter_spectra(folder)


def test_number_types_that_are_no_plain_numbers(tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "a", pair(Q3))
    stored = {name: ("I32", value.astype("<i4")) for name, value in pair(Q3).items()}
    (folder / WEIGHTS_FILE).write_bytes(safetensors_bytes(stored))
    with pytest.raises(UserError, match="stored as I32"):
        adapter_spectra(folder)


def test_pickle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    (tmp_path / "adapter_model.bin").write_bytes(b"\x80\x04")
    with pytest.raises(UserError, match="pickle") as caught:
        adapter_spectra(tmp_path)
    assert "safetensors" in caught.value.hint


def test_folders_without_an_adapter(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        adapter_spectra(tmp_path / "nowhere")
    with pytest.raises(UserError, match="no adapter folder: it has no adapter_config"):
        adapter_spectra(tmp_path)


def test_run_folder_means_its_deliverable_or_its_best_checkpoint(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "run", RunSettings())
    with pytest.raises(UserError, match="no adapter yet"):
        adapter_spectra(run.path)
    best = run.checkpoints_dir / "step-00000020"
    write_adapter(best, pair(Q3, seed=1))
    run.update_state(best=best.name, last=best.name)
    assert adapter_spectra(run.path).adapter.path == str(best)
    write_adapter(run.adapter_dir, pair(Q3))
    assert adapter_spectra(run.path).adapter.path == str(run.adapter_dir)
    assert adapter_spectra(run.adapter_dir / WEIGHTS_FILE).modules[0].name == Q3


def model_of(shapes: dict[str, tuple[int, int]]) -> ModelInfo:
    architecture = Architecture(
        family="llama", layers=4, hidden_size=10, heads=1, kv_heads=1, head_dim=10,
        intermediate_size=24, vocab_size=50, context_length=64, tied_embeddings=True,
    )  # fmt: skip
    return ModelInfo(
        source="x", name="Other-1B", path="", kind="folder", architecture=architecture,
        tensors=tuple(TensorSpec(f"{n}.weight", s, "BF16", 0) for n, s in shapes.items()),
        dtype="bf16",
    )  # fmt: skip


def test_base_model_must_fit(tmp_path: Path) -> None:
    spectra = adapter_spectra(write_adapter(tmp_path / "a", {**pair(Q3), **pair(UP0)}))
    assert check_base(spectra, model_of({Q3: (12, 10), UP0: (10, 12)})) == 2
    assert check_base(spectra, model_of({})) == 0
    with pytest.raises(
        UserError, match=r"0 of 2 modules match: .* made for some/base, not for Oth"
    ):
        check_base(spectra, model_of({"transformer.h.0.attn.c_attn": (12, 10)}))
    with pytest.raises(UserError, match="1 of 2 modules match") as caught:
        check_base(spectra, model_of({Q3: (12, 10), UP0: (64, 10)}))
    assert UP0 in caught.value.hint
