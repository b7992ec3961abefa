"""config.json files that are damaged or absurd: a clear error or a right answer, at once."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.errors import UserError
from core.models.architecture import read_dimensions
from core.models.expected import expected_tensors
from tests.core.models.published_configs import PUBLISHED

LLAMA = PUBLISHED["Llama-3.1-8B"][0]
NONSENSE = (None, 0, -1, 1, 3, 10**12, 1.5, float("nan"), "8", True, [], [[]], {}, {"a": 1})


@pytest.mark.parametrize("name", PUBLISHED)
def test_any_value_gives_an_error_or_a_model(name: str) -> None:
    for key in PUBLISHED[name][0]:
        for value in NONSENSE:
            try_out({**PUBLISHED[name][0], key: value})


@pytest.mark.parametrize("name", ["Gemma-3-4B"])
@pytest.mark.parametrize("part", ["text_config", "vision_config"])
def test_any_value_inside_of_a_nested_part(name: str, part: str) -> None:
    content = PUBLISHED[name][0]
    for key in content[part]:
        for value in NONSENSE:
            try_out({**content, part: {**content[part], key: value}})


def try_out(content: dict[str, Any]) -> None:
    """Read it; what is no UserError is a model whose every dimension is a whole number."""
    try:
        architecture = read_dimensions(content, "it")
        tensors = expected_tensors(content, architecture)
    except UserError:
        return
    assert all(type(side) is int and side > 0 for spec in tensors for side in spec.shape)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_hidden_layers": 0}, "num_hidden_layers = 0"),
        ({"num_hidden_layers": -32}, "num_hidden_layers = -32"),
        ({"num_hidden_layers": 10_001}, "num_hidden_layers = 10001"),
        ({"num_attention_heads": 33}, "33 heads do not divide 4096"),
        ({"num_key_value_heads": 5}, "5 heads of keys do not divide 32"),
        ({"num_key_value_heads": 64}, "64 heads of keys do not divide 32"),
        ({"head_dim": "wide"}, "head_dim = 'wide'"),
        ({"intermediate_size": 2.5}, "intermediate_size = 2.5"),
        ({"vocab_size": None}, "has no vocab_size"),
        ({"model_type": ""}, "which family"),
        ({"num_local_experts": 8, "num_experts_per_tok": 9}, "a token passes 9 of 8 experts"),
        ({"hidden_act": 7}, "hidden_act = 7"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read_dimensions({**LLAMA, **change}, "it")
    assert caught.value.hint


@pytest.mark.parametrize("missing", ["hidden_size", "num_hidden_layers", "num_attention_heads"])
def test_a_missing_size_is_named(missing: str) -> None:
    content = {key: value for key, value in LLAMA.items() if key != missing}
    with pytest.raises(UserError, match=f"has no {missing}"):
        read_dimensions(content, "it")


@pytest.mark.parametrize("name", ["Llama-3.1-405B", "Qwen3-235B-A22B", "DeepSeek-V3", "GPT-2"])
def test_ten_thousand_layers_are_planned_in_about_a_second(tmp_path: Path, name: str) -> None:
    content = {**PUBLISHED[name][0]}
    content["n_layer" if "n_layer" in content else "num_hidden_layers"] = 10_000
    (tmp_path / "config.json").write_text(json.dumps(content))
    code = (
        "import time; from core.memory import plan_methods\n"
        "from core.models.sources import open_model; from core.settings import RunSettings\n"
        "def seconds():\n"
        "    began = time.process_time()\n"  # other processes do not count
        f"    info = open_model({str(tmp_path)!r}, planning=True)\n"
        "    assert plan_methods(info, RunSettings())[0].blocks == 10_000\n"
        "    return time.process_time() - began\n"
        "print(min(seconds() for _ in range(3)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 2  # half of that on a machine at rest
