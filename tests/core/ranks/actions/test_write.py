"""Written adapters: right by PEFT's own loader, and by the rules of the other two runtimes."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from core.errors import UserError
from core.exporters import EXPORTERS, AdapterProfile
from core.ranks.actions import plans
from core.ranks.actions.draft import opened
from core.ranks.actions.layout import AsTrained
from core.ranks.actions.truncation import truncated
from core.ranks.actions.write import write_adapter
from tests.core.ranks.rank_folders import PREFIX, Q3, UP0, pair
from tests.core.ranks.rank_folders import write_adapter as write_folder

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",
    "ignore::FutureWarning",
    "ignore:Model has `tie_word_embeddings",  # PEFT, of an adapter on a tied table
    "ignore:Setting `save_embedding_layers`",
)

PROFILES = [name for name in EXPORTERS if issubclass(EXPORTERS[name], AdapterProfile)]
RULES = {  # α, r, α_i, r_i as they stand in the files; see docs/ranks.md
    "peft": lambda config, name, rank: _pattern(config, "alpha", name) / rank,
    "vllm": lambda config, name, rank: config["lora_alpha"] / config["r"],
    "llamacpp": lambda config, name, rank: config["lora_alpha"] / rank,
}
RIGHT_IN = {
    "peft": {"peft", "vllm"},
    "vllm": {"peft", "vllm"},
    "llamacpp": {"peft", "llamacpp"},
    "universal": {"peft", "vllm", "llamacpp"},
}


def _pattern(config: dict[str, Any], kind: str, name: str) -> float:
    common = config["lora_alpha"] if kind == "alpha" else config["r"]
    return config[f"{kind}_pattern"].get(f"^{name}", common)


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Ranks 4 and 6, rsLoRA, so that α/r differs by module."""
    tensors = {**pair(Q3, (12, 10), 4), **pair(UP0, (24, 10), 6)}
    config = {"rank_pattern": {"up_proj": 6}, "use_rslora": True}
    return write_folder(tmp_path / "mixed", tensors, config)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_is_right_where_it_says_and_nowhere_else(
    mixed: Path, tmp_path: Path, profile: str
) -> None:
    out = tmp_path / "out"
    written = EXPORTERS[profile]().export(mixed, out)
    assert max(written.verified.values()) < 1e-6
    config = json.loads((out / "adapter_config.json").read_text())
    stored, before = (load_file(folder / "adapter_model.safetensors") for folder in (out, mixed))
    for runtime, rule in RULES.items():
        errors = []
        for name, rank in ((Q3, 4), (UP0, 6)):
            meant = 8 / np.sqrt(rank) * _product(before, name)
            b = stored[f"{PREFIX}{name}.lora_B.weight"]
            got = rule(config, name, b.shape[1]) * _product(stored, name)
            errors.append(np.linalg.norm(got - meant) / np.linalg.norm(meant))
        assert (max(errors) < 1e-6) == (runtime in RIGHT_IN[profile]), (runtime, errors)
    assert config["use_rslora"] is False


def _product(tensors: dict[str, np.ndarray], name: str) -> np.ndarray:
    b, a = (tensors[f"{PREFIX}{name}.lora_{side}.weight"].astype(float) for side in "BA")
    return b @ a


@pytest.mark.parametrize(
    ("kind", "profile"),
    [
        *(("patterns", profile) for profile in PROFILES),
        ("rslora", "llamacpp"),
        ("loha", "universal"),
        ("lokr", "vllm"),
    ],
)
def test_peft_gives_the_same_logits(
    tiny_model: Path, tmp_path: Path, kind: str, profile: str
) -> None:
    from tests.core.ranks.actions.peft_models import effect_error, make

    adapter = make(tiny_model, tmp_path / "in", kind)
    EXPORTERS[profile]().export(adapter, tmp_path / "out")
    assert effect_error(tiny_model, tmp_path / "out", adapter) < 1e-5


@pytest.mark.parametrize("kind", ["dora", "tables"])
def test_what_only_peft_can_hold(tiny_model: Path, tmp_path: Path, kind: str) -> None:
    from tests.core.ranks.actions.peft_models import effect_error, make

    adapter = make(tiny_model, tmp_path / "in", kind)
    EXPORTERS["peft"]().export(adapter, tmp_path / "out")
    assert effect_error(tiny_model, tmp_path / "out", adapter) < 1e-5
    with pytest.raises(UserError, match=r"DoRA|more than B and A"):
        EXPORTERS["llamacpp"]().export(adapter, tmp_path / "llamacpp")
    assert not (tmp_path / "llamacpp").exists()


def test_sixteen_bits_stay_sixteen_bits(tiny_model: Path, tmp_path: Path) -> None:
    from tests.core.ranks.actions.peft_models import effect_error, make

    adapter = make(tiny_model, tmp_path / "in", "lora", dtype="bfloat16")
    written = EXPORTERS["universal"]().export(adapter, tmp_path / "out")
    assert 1e-4 < written.verified["PEFT"] < 1e-2  # the rounding of the factors
    assert effect_error(tiny_model, tmp_path / "out", adapter) < 2e-2
    before = (adapter / "adapter_model.safetensors").stat().st_size
    assert abs((tmp_path / "out" / "adapter_model.safetensors").stat().st_size - before) < 4096


def test_a_pattern_matches_one_module_alone(tmp_path: Path) -> None:
    inner = f"tower.{Q3}"
    tensors = {**pair(Q3, rank=4), **pair(inner, rank=4)}
    draft = opened(write_folder(tmp_path / "in", tensors))
    stays = {Q3: np.array([True, False, False, False]), inner: np.ones(4, bool)}
    plan = plans.plan_truncation(draft.spectra(), stays, "by hand")
    write_adapter(truncated(draft, plan), tmp_path / "out", AsTrained())
    assert {slot.name: slot.rank for slot in opened(tmp_path / "out").slots} == {Q3: 1, inner: 4}


def test_saved_modules_stay_as_they_are_and_others_refuse_them(tmp_path: Path) -> None:
    head = {f"{PREFIX}lm_head.weight": np.arange(12.0).reshape(3, 4)}
    config = {"modules_to_save": ["lm_head"]}
    adapter = write_folder(tmp_path / "in", {**pair(Q3), **head}, config)
    EXPORTERS["peft"]().export(adapter, tmp_path / "out")
    stored = load_file(tmp_path / "out" / "adapter_model.safetensors")
    np.testing.assert_array_equal(
        stored[f"{PREFIX}lm_head.weight"], head[f"{PREFIX}lm_head.weight"]
    )
    written = json.loads((tmp_path / "out" / "adapter_config.json").read_text())
    assert written["modules_to_save"] == ["lm_head"]
    with pytest.raises(UserError, match=r"more than B and A .*lm_head"):
        EXPORTERS["vllm"]().export(adapter, tmp_path / "vllm")


def test_a_convolution_keeps_its_window(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    name = f"{PREFIX}conv"
    tensors = {
        f"{name}.lora_A.weight": random.standard_normal((4, 3, 5, 5)),
        f"{name}.lora_B.weight": random.standard_normal((8, 4, 1, 1)),
    }
    adapter = write_folder(tmp_path / "in", tensors, dtype="F64")
    draft = opened(adapter)
    plan = plans.keep_rank(draft.spectra(), 2)
    write_adapter(truncated(draft, plan), tmp_path / "out", EXPORTERS["peft"]())
    stored = load_file(tmp_path / "out" / "adapter_model.safetensors")
    assert stored[f"{name}.lora_A.weight"].shape == (2, 3, 5, 5)
    assert stored[f"{name}.lora_B.weight"].shape == (8, 2, 1, 1)


def test_nothing_is_ever_overwritten(mixed: Path) -> None:
    before = {file: file.read_bytes() for file in mixed.iterdir()}
    with pytest.raises(UserError, match="exists already"):
        EXPORTERS["peft"]().export(mixed, mixed)
    assert {file: file.read_bytes() for file in mixed.iterdir()} == before


def test_the_same_input_gives_the_same_bytes(mixed: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        EXPORTERS["universal"]().export(mixed, tmp_path / name)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


@pytest.mark.parametrize("fault", ["full disk", "wrong bytes"])
def test_a_failure_leaves_nothing(
    mixed: Path, tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault == "full disk":

        def full(_descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
    else:
        from core.ranks.actions import write

        monkeypatch.setattr(write, "encoded", lambda _name, values, _dtype: bytes(4 * values.size))
    with pytest.raises(UserError, match=r"No space left|would differ"):
        EXPORTERS["peft"]().export(mixed, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["mixed"]


def test_a_number_that_the_type_cannot_hold(tmp_path: Path) -> None:
    tensors = {key: values * 200 for key, values in pair(Q3).items()}
    adapter = write_folder(tmp_path / "in", tensors, {"lora_alpha": 8e12}, dtype="F16")
    with pytest.raises(UserError, match="too large for F16"):
        EXPORTERS["peft"]().export(adapter, tmp_path / "out")


def test_a_start_that_changed_the_base_is_not_written_as_if_it_had_not(tmp_path: Path) -> None:
    adapter = write_folder(tmp_path / "in", pair(Q3), {"init_lora_weights": "pissa"})
    with pytest.raises(UserError, match="initialised with pissa") as caught:
        EXPORTERS["peft"]().export(adapter, tmp_path / "out")
    assert "--start" in caught.value.hint
