"""What is counted as adapted and as quantized against what PEFT and bitsandbytes take."""

import warnings
from typing import Any

import pytest
import torch
import transformers
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers.pytorch_utils import Conv1D

from core.memory.cells import Cell, ModelCells
from core.models.architecture import read_dimensions
from core.models.expected import expected_tensors
from core.models.families import FAMILIES
from core.models.info import ModelInfo, locate
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
def test_every_linear_module_of_a_block_is_a_target_or_fixed(case: str) -> None:
    config = config_of(case)
    info, model = info_of(config.to_dict()), modules_of(config)
    linear = {
        name: module.weight.shape if isinstance(module, nn.Linear) else module.weight.shape[::-1]
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | Conv1D) and locate(name) and "router" not in name
    }
    known = {m.name: m.shape for m in (*info.grid.modules, *info.fixed_matrices)}
    assert {name: shape for name, shape in linear.items() if min(shape) > 1} == known


@pytest.mark.parametrize("case", DECODERS)
def test_peft_adapts_the_targets_and_nothing_else(case: str) -> None:
    config = config_of(case)
    info, model = info_of(config.to_dict()), modules_of(config)
    names = [module.name for module in info.grid.modules]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = LoraConfig(r=2, target_modules=list(names), init_lora_weights=False)
        adapted = get_peft_model(model, options)
    trained = {name: p for name, p in adapted.named_parameters() if p.requires_grad}
    made = {name.split(".lora_")[0].removeprefix("base_model.model.") for name in trained}
    assert made == set(names)
    planned = ModelCells.of(info, ("all-linear",)).target_shapes.items()
    assert sum(p.numel() for p in trained.values()) == sum(2 * sum(s) * n for s, n in planned)


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


def test_names_that_peft_takes_for_experts_are_no_targets() -> None:
    # In PEFT 0.21 a target named down_proj becomes the experts' parameter of that name: adapters
    # of 7.5 billion parameters in DeepSeek-V3 instead of those of a few plain MLPs.
    info = info_of(PUBLISHED["DeepSeek-V3"][0])
    labels = {module.label for module in info.grid.modules}
    assert labels == {"q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj", "o_proj"}
    assert {m.kind for m in info.fixed_matrices} == {
        f"mlp.{stem}{name}_proj"
        for stem in ("", "shared_experts.")
        for name in ("gate", "up", "down")
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
