"""What single cells cost, against a computation by hand and against differences of whole plans."""

import time

import pytest

from core.memory import plan_memory
from core.memory.cell_cost import CellCost, CellCosts, cell_costs
from core.memory.devices import Device
from core.memory.plan import MemoryPlan
from core.models.info import ModelInfo
from core.models.targets import describe, resolve
from core.settings import RunSettings
from tests.core.memory.memory_shapes import LLAMA_405B, SMOLLM2, model

SMOL = model(SMOLLM2)
LAYERS = range(30)
KINDS = tuple(SMOL.grid.kinds)
Q, K, V, OUT, GATE, UP, DOWN = KINDS
HIDDEN, WIDTH, TOKENS, RANK = 576, 1536, 256, 16
ONE_ROW = RunSettings().with_changes(
    # Of two micro-batches the second one finds the gradients there at its loss.
    {"model.dtype": "bf16", "training.micro_batch": 1, "training.accumulation": 2}
)
UPPER = ("q_proj@8-29", "down_proj@8-29")
MADE_BY_TARGETS = ("adapter", "gradients", "optimizer", "activations")
CPU = Device("This computer (CPU)", 16 * 2**30, 12 * 2**30, "cpu")


def costs(settings: RunSettings, info: ModelInfo = SMOL) -> CellCosts:
    return cell_costs(info, settings, plan_memory(info, settings))


def parts(settings: RunSettings) -> float:
    """Return the bytes of a plan that depend on the targets; its peak must be that of the loss."""
    plan = plan_memory(SMOL, settings)
    assert plan.moment == "loss"
    return sum(plan.parts[name] for name in MADE_BY_TARGETS)


def with_cell(settings: RunSettings, kind: str, layer: int) -> RunSettings:
    """Return the settings with one more target."""
    names = {*resolve(settings.adapter.targets, SMOL.grid), f"model.layers.{layer}.{kind}"}
    return settings.with_changes({"adapter.targets": describe(names, SMOL.grid)})


@pytest.mark.parametrize(
    ("kind", "sizes", "kept_inputs"),
    [
        (Q, 2 * HIDDEN, HIDDEN / 3),  # one input for q, k and v
        (K, 192 + HIDDEN, HIDDEN / 3),
        (OUT, 2 * HIDDEN, 0),  # attention keeps its output by itself
        (UP, WIDTH + HIDDEN, HIDDEN / 2),  # one for gate and up
        (DOWN, WIDTH + HIDDEN, WIDTH),
    ],
)
def test_a_cell_by_hand(kind: str, sizes: int, kept_inputs: float) -> None:
    cost = costs(ONE_ROW).targets[kind, 5]
    numbers = RANK * sizes
    assert (cost.adapter, cost.gradients, cost.optimizer) == (4 * numbers, 4 * numbers, 8 * numbers)
    assert cost.activations == pytest.approx(TOKENS * (2 * kept_inputs + 4 * RANK))
    assert cost.reach == 0
    assert cost.total == pytest.approx(16 * numbers + cost.activations)


@pytest.mark.parametrize("bits", [16, 8, 4])
@pytest.mark.parametrize("adapter", [{}, {"adapter.dropout": 0.1}, {"adapter.method": "dora"}])
def test_all_cells_add_up_to_the_difference_of_two_plans(bits: int, adapter: dict) -> None:
    settings = ONE_ROW.with_changes({"model.bits": bits, **adapter})
    one = settings.with_changes({"adapter.targets": ("down_proj@0", "q_proj@0")})
    saved = parts(settings) - parts(one)
    summed = costs(settings).total(KINDS, LAYERS).total
    alone = costs(one).total(KINDS, LAYERS).total
    assert summed - alone == pytest.approx(saved, abs=16)


@pytest.mark.parametrize("bits", [16, 8, 4])
@pytest.mark.parametrize(
    ("kind", "layer"),
    [(K, 10), (OUT, 8), (UP, 20), (Q, 7), (DOWN, 7), (V, 0), (GATE, 3), (UP, 8)],
)
def test_a_further_cell_costs_what_the_plan_would_grow(bits: int, kind: str, layer: int) -> None:
    settings = ONE_ROW.with_changes({"model.bits": bits, "adapter.targets": UPPER})
    grown = parts(with_cell(settings, kind, layer)) - parts(settings)
    found = costs(settings)
    assert found.others[kind, layer].total == pytest.approx(grown, abs=16)
    assert (found.others[kind, layer].reach > 0) == (layer < 8)
    assert (kind, layer) not in found.targets


def test_where_only_the_mlp_is_adapted_attention_costs_its_own_way_back() -> None:
    settings = ONE_ROW.with_changes({"adapter.targets": ("down_proj@8-29",)})
    for kind, layer in ((Q, 8), (Q, 7), (UP, 7), (UP, 2)):
        grown = parts(with_cell(settings, kind, layer)) - parts(settings)
        assert costs(settings).others[kind, layer].total == pytest.approx(grown, abs=16)


def test_blocks_that_are_computed_again_keep_nothing() -> None:
    settings = ONE_ROW.with_changes({"training.gradient_checkpointing": 10})
    found = costs(settings)
    assert found.again == range(10)
    assert {found.targets[UP, layer].activations for layer in range(10)} == {0}
    assert all(found.targets[UP, layer].activations for layer in range(10, 30))
    whole = settings.with_changes({"training.gradient_checkpointing": "all"})
    upper = whole.with_changes({"adapter.targets": UPPER})
    hidden = 2 * TOKENS * HIDDEN
    assert costs(upper).others[UP, 3].reach == 5 * hidden


def test_the_parts_of_the_plan_are_those_of_its_cells() -> None:
    plan = plan_memory(SMOL, ONE_ROW)
    total = cell_costs(SMOL, ONE_ROW, plan).total(KINDS, LAYERS)
    assert total.adapter == plan.parts["adapter"]
    assert total.gradients == plan.parts["gradients"]
    assert total.optimizer == plan.parts["optimizer"]
    assert 0 < total.activations < plan.parts["activations"]


def test_a_row_and_a_layer_are_sums_of_targets_only() -> None:
    found = costs(ONE_ROW.with_changes({"adapter.targets": UPPER}))
    row = found.total([Q], LAYERS)
    assert row.total == pytest.approx(22 * found.targets[Q, 9].total)
    layer = found.total(KINDS, [9])
    assert layer.total == pytest.approx(found.targets[Q, 9].total + found.targets[DOWN, 9].total)
    assert found.total(KINDS, range(8)) == CellCost()


def test_a_processor_keeps_the_numbers_of_its_plan() -> None:
    settings = ONE_ROW.with_changes({"model.dtype": "fp32"})
    plan: MemoryPlan = plan_memory(SMOL, settings, device=CPU)
    cost = cell_costs(SMOL, settings, plan, CPU).targets[DOWN, 5]
    assert cost.activations == TOKENS * (4 * WIDTH + 4 * RANK)


def test_126_layers_in_an_instant() -> None:
    big = model(LLAMA_405B)
    plan = plan_memory(big, ONE_ROW)
    cell_costs(big, ONE_ROW, plan)  # the grid is made once per model
    times = []
    for rank in range(1, 6):
        settings = ONE_ROW.with_changes(
            {"adapter.rank": rank, "adapter.targets": ("q_proj@40-125", "up_proj@60-125")}
        )
        begun = time.process_time()  # other processes do not count
        cell_costs(big, settings, plan)
        times.append(time.process_time() - begun)
    assert min(times) < 0.030
