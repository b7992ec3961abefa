"""Families that nobody wrote down: transformers builds them, or says why it cannot."""

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
import transformers

from core.control import Control
from core.errors import UserError
from core.jobs import JOBS
from core.memory import plan_methods
from core.models.built import open_or_build
from core.models.families import FAMILIES
from core.models.json import from_json
from core.models.sources import open_model
from core.settings import RunSettings

SIZES = {
    "vocab_size": 320,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}


def folder_of(path: Path, family: str, **changes: Any) -> Path:
    """Write the config.json of a small model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config = transformers.AutoConfig.for_model(family, **{**SIZES, **changes})
    (path / "config.json").write_text(json.dumps({"model_type": family, **config.to_dict()}))
    return path


@pytest.mark.parametrize("family", ["helium", "persimmon", "glm4_moe", "minimax_m2"])
def test_an_unknown_family_is_built(tmp_path: Path, family: str) -> None:
    assert family not in FAMILIES
    folder = folder_of(tmp_path, family, num_experts_per_tok=2)
    with pytest.raises(UserError, match="cannot be told"):
        open_model(str(folder))
    info = open_or_build(str(folder))
    assert not info.architecture.known
    assert info.grid.layers == (0, 1, 2)
    assert family in info.notes[0]
    plans = plan_methods(info, RunSettings().with_changes({"model.dtype": "bf16"}))
    assert plans[0].parts["weights"] == 2 * info.parameters


def test_the_worker_describes_it_too(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "helium")
    job = JOBS["describe_model"]()
    (reply,) = job.run(job.Request(source=str(folder)), Control())
    assert from_json(json.loads(json.dumps(reply.data))) == open_or_build(str(folder))


def test_a_known_language_model_behind_an_unknown_tower(tmp_path: Path) -> None:
    text = {**SIZES, "model_type": "mistral", "head_dim": 16}
    vision = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "image_size": 28}
    folder = folder_of(
        tmp_path, "mistral3", text_config=text, vision_config={**vision, "model_type": "pixtral"}
    )
    info = open_or_build(str(folder))
    assert info.architecture.known
    assert info.architecture.family == "mistral"
    assert {module.layer for module in info.grid.modules} == {0, 1, 2}
    assert len(info.fixed_matrices) > 0


def test_an_encoder_is_built_for_planning_only(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "dinov2", image_size=28, patch_size=14)
    with pytest.raises(UserError, match="decoder"):
        open_or_build(str(folder))
    info = open_or_build(str(folder), planning=True)
    assert (info.architecture.kind, info.architecture.context_length) == ("vision", 5)


def test_a_model_that_is_not_all_attention_is_refused(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "jamba", num_hidden_layers=8, mamba_expand=2)
    with pytest.raises(UserError, match="Not every block"):
        open_or_build(str(folder))


def test_too_many_blocks_to_build(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "helium")
    content = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**content, "num_hidden_layers": 9000}))
    with pytest.raises(UserError, match="9,000 blocks"):
        open_or_build(str(folder))


@pytest.mark.parametrize(
    "change", [{"num_hidden_layers": "3"}, {"head_dim": 1.5}, {"model_type": "no_such_family"}]
)
def test_what_transformers_cannot_build_says_so(tmp_path: Path, change: dict[str, Any]) -> None:
    folder = folder_of(tmp_path, "helium")
    content = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**content, **change}))
    with pytest.raises(UserError) as caught:
        open_or_build(str(folder))
    assert caught.value.hint
