"""A few blocks stand for all: their trace is that of the whole model, to the byte."""

from dataclasses import replace
from typing import Any

import pytest

from core.memory.dry_run.blocks import few
from core.memory.methods import Method
from core.memory.stack import OURS, Stack
from tests.core.memory.dry_run.shapes import FULL, LORA, NF4, NF4_DQ, TRAINER, config, run

AGAIN = {"training__gradient_checkpointing": "all"}
AUTOCAST = replace(TRAINER, autocast=True, reentrant=True)
UPPER = {"adapter__targets": ("q_proj@2-8", "down_proj@4-8")}
LAYERS = {"llama": 9, "gemma2": 10, "gemma3_text": 20, "deepseek_v3": 8}
CASES: dict[str, tuple[str, Method, Stack, dict[str, Any]]] = {
    "ours": ("llama", LORA, OURS, {}),
    "ours on a processor": ("llama", LORA, OURS, {"on_cpu": True}),
    "some checkpointed": ("llama", NF4, OURS, {"training__gradient_checkpointing": 5}),
    "some adapted": ("llama", LORA, OURS, UPPER),
    "accumulated": ("llama", LORA, OURS, {"training__accumulation": 2}),
    "cached by autocast": ("llama", NF4_DQ, AUTOCAST, AGAIN),
    "full": ("llama", FULL, TRAINER, AGAIN),
    "two types of blocks": ("gemma2", LORA, TRAINER, AGAIN),
    "every sixth block another": ("gemma3_text", LORA, OURS, {}),
    "first blocks without experts": ("deepseek_v3", LORA, OURS, AGAIN),
}
QUICK = {"ours", "some adapted", "accumulated"}


@pytest.mark.parametrize(
    "case", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in CASES]
)
def test_few_blocks_stand_for_all(case: str) -> None:
    family, method, stack, changes = CASES[case]
    model = config(family, num_hidden_layers=LAYERS[family])
    short = run(model, method, stack, **changes)
    whole = run(model, method, stack, whole=True, **changes)
    assert replace(short, traced_blocks=whole.traced_blocks) == whole
    assert short.traced_blocks < whole.traced_blocks == whole.blocks


def kinds(text: str) -> list[Any]:
    return [((letter,), (), ()) for letter in text]


@pytest.mark.parametrize(
    ("blocks", "traced"),
    [
        ("a" * 40, "aaaa"),
        ("aaab", "aaab"),
        ("a" * 9 + "b" * 20, "aaaabbbb"),
        ("ab" * 20, "ababab"),
        ("sssssf" * 7 + "ss", "ssssf" * 2 + "ss"),
        ("abcdefghijklmnop", "abcdefghijklmnop"),
    ],
)
def test_repetitions_are_left_out(blocks: str, traced: str) -> None:
    assert "".join(blocks[i] for i in few(kinds(blocks))) == traced
