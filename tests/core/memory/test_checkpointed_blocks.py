"""How many blocks are checkpointed, and what that saves."""

import pytest

from core.memory.checkpointing import fewest_blocks
from core.memory.devices import Device
from core.memory.methods import METHODS, Method
from core.memory.plan import MemoryPlan, plan_memory
from core.settings import RunSettings
from tests.core.memory.memory_shapes import llama, model

GIB = 2**30
LLAMA = model(llama())
USUAL = RunSettings().with_changes({"model.dtype": "bf16", "data.max_length": 1024})


def plan(
    wanted: object, *, device: Device | None = None, method: Method = METHODS[0]
) -> MemoryPlan:
    settings = USUAL.with_changes({"training.gradient_checkpointing": wanted})
    return plan_memory(LLAMA, settings, device=device, method=method)


def card(size: float) -> Device:
    return Device("Card", round(size), round(size), "card")


@pytest.mark.parametrize("method", METHODS[:4], ids=lambda method: method.label)
def test_every_checkpointed_block_saves_memory(method: Method) -> None:
    # Backward begins with the last block: to compute that one again at once saves nothing.
    peaks = [plan(count, method=method).peak_bytes for count in range(32)]
    assert peaks == sorted(peaks, reverse=True)
    assert peaks[0] > 3 * peaks[-1]


def test_a_checkpointed_block_keeps_what_it_was_given() -> None:
    fewer, more = plan(10), plan(11)
    hidden = 8 * 1024 * 4096 * 2
    norms, attention = 8 * 4096, 2 * (2 * 4096 + 2 * 1024) + 4 * 32
    adapters = 2 * (2 * 4096 + 14336) + 7 * 4 * 16
    block = 8 * 1024 * (norms + attention + 3 * 2 * 14336 + adapters)
    assert fewer.parts["activations"] - more.parts["activations"] == block - hidden


def test_off_and_all_and_a_number() -> None:
    assert [plan(wanted).checkpointed for wanted in ("off", "all", 7, 99)] == [0, 32, 7, 32]


def test_auto_takes_the_fewest_that_fit() -> None:
    free = plan(13).high_bytes
    chosen = plan("auto", device=card(free))
    assert (chosen.checkpointed, chosen.blocks) == (13, 32)
    assert chosen == plan(13)
    assert plan("auto", device=card(free - 1)).checkpointed == 14


def test_auto_takes_none_where_all_fits_or_nothing_is_known_of_the_device() -> None:
    assert plan("auto", device=card(200 * GIB)).checkpointed == 0
    assert plan("auto").checkpointed == 0


def test_auto_takes_all_where_nothing_fits() -> None:
    assert plan("auto", device=card(1 * GIB)).checkpointed == 32


def test_blocks_below_the_first_adapter_keep_nothing() -> None:
    upper = USUAL.with_changes({"adapter.targets": ("q_proj@24-31", "down_proj@24-31")})
    everywhere = USUAL.with_changes({"adapter.targets": ("q_proj", "down_proj")})
    few, many = (plan_memory(LLAMA, s).parts["activations"] for s in (upper, everywhere))
    assert few == pytest.approx(many * 8 / 32, rel=0.06)  # and what is temporary
    every = upper.with_changes({"training.gradient_checkpointing": "all"})
    assert plan_memory(LLAMA, every).checkpointed == 8


@pytest.mark.parametrize("enough", range(11))
def test_the_search_finds_the_first_that_fits(enough: int) -> None:
    assert fewest_blocks(9, lambda blocks: blocks >= enough) == min(enough, 9)
