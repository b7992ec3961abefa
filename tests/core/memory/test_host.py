"""Main memory and disk: computed by hand, and compared with real files."""

from pathlib import Path
from typing import Any

import pytest

from core.memory import plan_memory
from core.memory.devices import Device
from core.memory.host import (
    adapter_bytes,
    arriving_bytes,
    disk_needs,
    loading_bytes,
    memory_needs,
    merging_bytes,
    moment_bytes,
    run_bytes,
    sixteen_bit_bytes,
    token_bytes,
)
from core.memory.overhead import WORKER_BASE, saving_bytes
from core.models.sources import open_model
from core.settings import RunSettings
from tests.core.memory.memory_shapes import SMOLLM2, llama, model

GIB = 2**30
SMOL = model(SMOLLM2)
CPU = Device("This computer (CPU)", 16 * GIB, 12 * GIB, "cpu")
CARD = Device("Card", 24 * GIB, 24 * GIB, "card")
TRAINED = 30 * 16 * (2 * (576 + 576) + 2 * (192 + 576) + 3 * (1536 + 576))
"""Parameters of a rank-16 adapter on all matrices of SmolLM2."""


def settings(**changes: Any) -> RunSettings:
    return RunSettings().with_changes(changes)


def test_a_checkpoint_by_hand() -> None:
    assert adapter_bytes(SMOL, settings()) == 4 * TRAINED
    assert moment_bytes(SMOL, settings()) == 8 * TRAINED
    assert moment_bytes(SMOL, settings(**{"training.optimizer": "sgd"})) == 0
    kept = settings(**{"training.keep_checkpoints": 5})
    assert run_bytes(SMOL, kept) == 7 * 12 * TRAINED + 4 * TRAINED
    assert saving_bytes(4 * TRAINED, 8 * TRAINED) == 12 * TRAINED + 2 * 8 * TRAINED


def test_merging_and_the_merged_model_by_hand() -> None:
    assert sixteen_bit_bytes(SMOL) == 2 * 134_515_008
    loaded = WORKER_BASE.likely + 2 * 134_515_008
    assert merging_bytes(SMOL, settings()) == loaded + 4 * TRAINED + 8 * 1536 * 576
    only_v = settings(**{"adapter.targets": ("v_proj",)})
    assert merging_bytes(SMOL, only_v) == loaded + 4 * 30 * 16 * 768 + 8 * 192 * 576


def test_loading_keeps_the_weights_only_where_they_are_used() -> None:
    plan = plan_memory(SMOL, settings(), device=CPU)
    here, there = (loading_bytes(SMOL, plan, device) for device in (CPU, CARD))
    assert there == WORKER_BASE.likely + 2 * 49_152 * 576  # the table of words passes through
    assert here == WORKER_BASE.likely + 4 * 134_515_008


# Peaks in MiB of what belongs to the process alone, the libraries included: a Llama of 10 layers
# and width 2,048, bf16 in five files, on a processor with transformers 5.23, bitsandbytes 0.50.
WIDE = llama(
    layers=10,
    hidden_size=2048,
    heads=16,
    kv_heads=16,
    intermediate_size=5632,
    vocab_size=32_000,
)


@pytest.mark.parametrize(
    ("bits", "dtype", "measured"),
    [(16, "fp32", 2772), (8, "bf16", 1271), (4, "bf16", 757), (4, "fp32", 1860)],
)
def test_loading_takes_no_more_than_planned(bits: int, dtype: str, measured: int) -> None:
    made = settings(**{"model.bits": bits, "model.dtype": dtype, "model.double_quant": False})
    plan = plan_memory(model(WIDE), made, device=CPU)
    planned = loading_bytes(model(WIDE), plan, CPU) / 2**20
    assert measured <= planned <= 1.15 * measured + 600


def test_merging_takes_what_is_planned() -> None:
    assert merging_bytes(model(WIDE), settings()) / 2**20 == pytest.approx(1786, rel=0.01)


def test_the_needs_in_words() -> None:
    plan = plan_memory(SMOL, settings(), device=CARD)
    memory = memory_needs(SMOL, settings(), plan, CARD)
    disk = disk_needs(SMOL, settings(), rows=2, tokens=30)
    assert all(need.size_bytes > 0 and need.why for need in memory)
    assert [need.size_bytes for need in disk[1:3]] == [
        run_bytes(SMOL, settings()),
        token_bytes(2, 30),
    ]


def test_a_starter_that_is_packed_must_be_unpacked(starter_model: Path) -> None:
    unpacked = open_model("starter")
    assert arriving_bytes(unpacked) == 0
    weights = starter_model / "model.safetensors"
    assert sixteen_bit_bytes(unpacked) == pytest.approx(weights.stat().st_size, rel=1e-3)
