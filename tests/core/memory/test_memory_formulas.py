"""The terms that every engine shares, each against a computation by hand, written out."""

from dataclasses import replace

import pytest

from core.memory.mlp import mlp_bytes
from core.memory.norms import end_bytes, norm_bytes
from core.memory.trained import (
    adapter_bytes,
    gradient_bytes,
    optimizer_bytes,
    step_temporary_bytes,
    trained_parameters,
)
from core.memory.weights import eight_bit_bytes, four_bit_bytes, weight_bytes
from core.memory.workload import Known
from tests.core.memory.memory_shapes import GPT3, MIXTRAL, SMOLLM2
from tests.core.memory.memory_workloads import FULL, INT8, NF4, workload

# The matrices of one block of Llama-3-8B: q and o, k and v, gate and up and down.
BLOCK = 2 * 4096 * 4096 + 2 * 1024 * 4096 + 3 * 14336 * 4096
REST = 2 * 128_256 * 4096 + (2 * 32 + 1) * 4096  # embeddings, head, norms


def test_weights_of_llama_3_8b_in_16_bits_are_two_bytes_each() -> None:
    assert weight_bytes(workload()) == 2 * 8_030_261_248  # the published count


def test_four_bit_weights_carry_one_scale_per_64() -> None:
    assert four_bit_bytes(64, double_quant=False) == 32 + 4
    assert four_bit_bytes(64 * 256, double_quant=True) == 32 * 256 + 256 + 4
    assert four_bit_bytes(1e9, double_quant=True) == pytest.approx(515_869_140.6)


def test_eight_bit_weights_carry_one_scale_per_row() -> None:
    assert eight_bit_bytes(4096 * 1024, outputs=1024) == 4096 * 1024 + 4 * 1024


def test_only_the_matrices_of_the_blocks_are_quantized() -> None:
    assert weight_bytes(workload(method=NF4)) == 32 * BLOCK * 0.5625 + 2 * REST
    rows = 32 * (2 * 4096 + 2 * 1024 + 2 * 14336 + 4096)
    assert weight_bytes(workload(method=INT8)) == 32 * BLOCK + 4 * rows + 2 * REST


def test_a_tied_head_counts_once() -> None:
    assert weight_bytes(workload(SMOLLM2)) == 2 * 134_515_008


def test_grouped_keys_and_values_make_small_adapters() -> None:
    # q: 16·(4096 + 4096), v: 16·(4096 + 1024), 32 layers: 6.8 M, not 8.4 M.
    made = workload(adapter__targets=("q_proj", "v_proj"), adapter__rank=16)
    assert trained_parameters(made) == 32 * 16 * (8192 + 5120) == 6_815_744
    assert adapter_bytes(made) == gradient_bytes(made) == 4 * 6_815_744


def test_the_adapter_of_gpt_3_in_the_lora_paper() -> None:
    # "r_q = r_v = 4": 18.9 M (arXiv:2106.09685, table 5 gives 18 M), 0.01 % of 175 B.
    made = workload(GPT3, adapter__targets=("q_proj", "v_proj"), adapter__rank=4)
    assert trained_parameters(made) == 96 * 2 * 4 * (12288 + 12288) == 18_874_368
    share = trained_parameters(made) / made.parameters
    assert share == pytest.approx(18_874_368 / 174.6e9, rel=0.01)


def test_dora_adds_one_number_per_output() -> None:
    changes = {"adapter__targets": ("k_proj",), "adapter__rank": 8}
    lora = trained_parameters(workload(**changes))
    dora = trained_parameters(workload(adapter__method="dora", **changes))
    assert dora - lora == 32 * 1024


@pytest.mark.parametrize(
    ("optimizer", "per_parameter"),
    [("adamw", 8), ("adamw8bit", 2.03125), ("paged_adamw8bit", 2.03125), ("lion", 4), ("sgd", 0)],
)
def test_optimizer_states_per_trained_parameter(optimizer: str, per_parameter: float) -> None:
    made = workload(training__optimizer=optimizer)
    assert optimizer_bytes(made) == per_parameter * trained_parameters(made)


def test_adafactor_keeps_a_number_per_row_and_column() -> None:
    # k: A (16, 4096) and B (1024, 16), in each of 32 layers; DoRA's 1024 magnitudes are a vector.
    changes = {"training__optimizer": "adafactor", "adapter__targets": ("k_proj",)}
    numbers = 32 * (16 + 4096 + 1024 + 16)
    assert optimizer_bytes(workload(**changes)) == 4 * numbers
    dora = workload(adapter__method="dora", **changes)
    assert optimizer_bytes(dora) == 4 * (numbers + 32 * 1024)


def test_adafactor_on_all_weights() -> None:
    made = workload(method=FULL, training__optimizer="adafactor")
    block = 2 * (4096 + 4096) + 2 * (1024 + 4096) + 3 * (14336 + 4096)
    norms = (2 * 32 + 1) * 4096
    assert optimizer_bytes(made) == 4 * (32 * block + 2 * (128_256 + 4096) + norms)
    assert step_temporary_bytes(made) == 4 * 4 * 128_256 * 4096  # one table, four times in fp32


@pytest.mark.parametrize(
    ("optimizer", "per_parameter"), [("adamw", 0), ("adamw8bit", 0), ("lion", 4), ("adafactor", 0)]
)
def test_temporaries_of_an_adapter_at_the_step(optimizer: str, per_parameter: int) -> None:
    made = workload(training__optimizer=optimizer)
    assert step_temporary_bytes(made) == per_parameter * trained_parameters(made)


def test_pure_bf16_fine_tuning_takes_ten_bytes_per_parameter_at_the_step() -> None:
    made = workload(method=FULL)
    total = (
        weight_bytes(made)
        + gradient_bytes(made)
        + optimizer_bytes(made)
        + step_temporary_bytes(made)
    )
    assert total == 10 * 8_030_261_248
    assert adapter_bytes(made) == 0
    assert step_temporary_bytes(workload(method=FULL, known=Known(on_cpu=True))) == 0


def test_norms_keep_an_fp32_copy_each() -> None:
    assert norm_bytes(workload()) == 8 * 4096
    assert norm_bytes(workload(method=FULL)) == 8 * 4096 + 2 * 2 * 4096
    # The last norm, and a sine and a cosine per position, of 128 numbers in bf16 each.
    assert end_bytes(workload()) == 2048 * (4 * 4096 + 2 * 2 * 128)


def test_a_gated_mlp_keeps_three_branches_a_plain_one_what_its_activation_keeps() -> None:
    assert mlp_bytes(workload()) == 3 * 2 * 14336
    assert mlp_bytes(workload(replace(GPT3, activation="gelu"))) == 2 * 49152
    assert mlp_bytes(workload(replace(GPT3, activation="gelu_new"))) == 4 * 2 * 49152


def test_experts_keep_a_copy_of_the_hidden_states_each() -> None:
    two = 2 * (3 * 2 * 14336 + 2 * 4096)  # experts per token
    assert mlp_bytes(workload(MIXTRAL)) == two + 100
    shared = replace(MIXTRAL, shared_size=2048)
    assert mlp_bytes(workload(shared)) == two + 100 + 3 * 2 * 2048
