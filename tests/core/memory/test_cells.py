"""What is counted as adapted and as quantized against what PEFT and bitsandbytes take."""

import warnings
from typing import Any

import pytest
import torch
import transformers
from torch import nn
from transformers.pytorch_utils import Conv1D

from core.memory.cells import Cell, ModelCells
from core.models.architecture import read_dimensions
from core.models.expected import expected_tensors
from core.models.families import FAMILIES
from core.models.info import ModelInfo
from tests.core.models.published_configs import PUBLISHED
from tests.core.models.test_families import CASES, HEADS, config_of

DECODERS = [case for case in CASES if case.split(",")[0] not in HEADS]


def info_of(content: dict[str, Any]) -> ModelInfo:
    architecture = read_dimensions(content, "it")
    return ModelInfo(
        source="it",
        name="It",
        path="",
        kind="folder",
        architecture=architecture,
        tensors=expected_tensors(content, architecture),
        dtype="BF16",
        transposed=FAMILIES[architecture.family].transposed,
    )


def modules_of(config: transformers.PreTrainedConfig) -> nn.Module:
    with warnings.catch_warnings(), torch.device("meta"):
        warnings.simplefilter("ignore")
        return HEADS.get(config.model_type, transformers.AutoModelForCausalLM).from_config(config)


@pytest.mark.parametrize("case", CASES)
def test_the_grid_is_every_linear_module_of_the_blocks(case: str) -> None:
    config = config_of(case)
    info, model = info_of(config.to_dict()), modules_of(config)
    linear = {
        name: (module.nx, module.nf) if isinstance(module, Conv1D) else module.weight.shape[::-1]
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | Conv1D)
    }
    grid = {module.name: module.shape[::-1] for module in info.grid.modules}
    assert {name: linear.get(name) for name in grid} == grid
    blocks = {name for name in linear if ".".join(name.split(".")[:-1]) and name in linear}
    others = {name.split(".")[-1] for name in blocks - set(grid) if "vision" not in name}
    assert others <= {
        *("lm_head", "router", "shared_expert_gate", "project_in", "project_out", "regression"),
        *("dense", "decoder", "classifier"),
    }


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("case", DECODERS)
def test_what_is_quantized_is_what_bitsandbytes_replaces(case: str) -> None:
    from bitsandbytes.nn import Linear4bit
    from transformers.integrations.bitsandbytes import replace_with_bnb_linear
    from transformers.quantizers.base import get_keys_to_not_convert

    config = config_of(case)
    cells = ModelCells.of(info_of(config.to_dict()), ("all-linear",))
    model = modules_of(config)
    options = transformers.BitsAndBytesConfig(load_in_4bit=True)
    made = replace_with_bnb_linear(model, get_keys_to_not_convert(model), options)
    replaced = sum(
        module.in_features * module.out_features
        for name, module in made.named_modules()
        if isinstance(module, Linear4bit)
        and not name.endswith(("shared_expert_gate", "project_in", "project_out"))  # tiny
    )
    assert cells.matrix_parameters == replaced
    everything = sum(parameter.numel() for parameter in modules_of(config).parameters())
    assert cells.matrix_parameters + cells.other_parameters == everything


def test_experts_are_counted_but_neither_adapted_nor_quantized() -> None:
    cells = ModelCells.of(info_of(PUBLISHED["Mixtral-8x7B"][0]), ("all-linear",))
    assert cells.expert_parameters == 32 * 8 * 3 * 4096 * 14336
    assert cells.matrix_parameters == 32 * (2 * 4096 * 4096 + 2 * 1024 * 4096)
    assert {cell.kind for cell in cells.targets} == {
        f"self_attn.{letter}_proj" for letter in "qkvo"
    }


def test_latent_vectors_are_inputs_of_their_own() -> None:
    kinds = ("q_a_proj", "kv_a_proj_with_mqa", "q_b_proj", "kv_b_proj", "o_proj")
    cells = [Cell(0, f"self_attn.{kind}", (8, 8), 1, 1) for kind in kinds]
    groups = [cell.input_group for cell in cells]
    assert groups[0] == groups[1]
    assert len(set(groups)) == 4
    assert groups[4] == ("self_attn", True)


@pytest.mark.parametrize(
    ("kind", "in_mlp", "is_output"),
    [
        ("attention.self.query", False, False),
        ("attention.output.dense", False, True),
        ("intermediate.dense", True, False),
        ("output.dense", True, True),
        ("mlp.w2", True, False),
        ("block_sparse_moe.experts.w2", True, True),
        ("mlp.fc_out", True, True),
        ("mlp.dense_h_to_4h", True, False),
        ("mlp.dense_4h_to_h", True, True),
        ("self_attention.dense", False, True),
        ("fc1", True, False),
        ("fc2", True, True),
        ("attn.c_proj", False, True),
        ("ffn.down_proj", True, True),
    ],
)
def test_what_a_matrix_reads(kind: str, in_mlp: bool, is_output: bool) -> None:
    cell = Cell(0, kind, (8, 8), 1, 1)
    assert (cell.in_mlp, cell.input_group[1]) == (in_mlp, is_output)
