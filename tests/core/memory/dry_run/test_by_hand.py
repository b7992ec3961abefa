"""Totals of small models, added up by hand."""

from dataclasses import replace
from typing import Any

import pytest

from core.memory.overhead import CUBLAS_WORKSPACE
from tests.core.memory.dry_run.shapes import FULL, TRAINER, config, run

T, H, FF, V, R = 128, 128, 256, 4096, 8
ONE_LAYER: dict[str, Any] = config(
    "llama",
    hidden_size=H,
    intermediate_size=FF,
    num_hidden_layers=1,
    num_attention_heads=2,
    num_key_value_heads=2,
    vocab_size=V,
    tie_word_embeddings=False,
)
MATRICES = 4 * H * H + 3 * H * FF + 2 * V * H
NORMS = 3 * 512  # 256 B each, but the allocator gives 512
TABLES = 2 * 512  # rotary frequencies
ROW = 2 * 8 * T  # token ids and labels
FEW = 8 * 1024  # scalars, shifted labels, steps of the optimizer: 512 B each


def one_layer(**changes: Any) -> Any:
    return run(
        ONE_LAYER,
        stack=TRAINER,
        attention="flash",
        training__micro_batch=1,
        data__max_length=T,
        **changes,
    )


def test_what_lies_there_between_two_steps() -> None:
    trace = one_layer(adapter__rank=R, adapter__targets=("q_proj",))
    adapter = 4 * R * (H + H)
    expected = 2 * MATRICES + NORMS + TABLES + ROW + 3 * adapter + 2 * CUBLAS_WORKSPACE
    assert trace.trained_parameters == R * (H + H)
    assert trace.static_bytes == pytest.approx(expected, abs=FEW)
    assert trace.parts["adapter"] == adapter


def test_what_forward_keeps_for_backward() -> None:
    trace = one_layer(adapter__rank=R, adapter__targets=("q_proj",))
    adapter = 4 * T * H + 4 * T * R  # its input in fp32, and A·x
    attention = 2 * T * 4 * H + 4 * T * 2 + 2 * (2 * T * 64)  # q, k, v, out; log-sum-exp; rotary
    norms = 2 * (4 * T * H + 4 * T)  # fp32 copies; no gradient goes to the first norm
    mlp = 2 * T * 3 * FF
    last = 2 * T * H
    assert trace.kept_bytes == adapter + attention + norms + mlp + last


def test_the_loss_holds_three_fp32_blocks_of_logits() -> None:
    trace = one_layer(adapter__rank=R, adapter__targets=("q_proj",))
    last = 2 * T * H  # the head's input is gone by then
    expected = trace.static_bytes + trace.kept_bytes - last + 12 * T * V
    assert trace.moment == "loss"
    assert trace.parts["logits"] == 12 * T * V
    assert trace.peak_bytes == pytest.approx(expected, abs=FEW)
    assert trace.peak_bytes == sum(trace.parts.values())


def test_held_logits_come_on_top() -> None:
    held = replace(TRAINER, loss=replace(TRAINER.loss, held=True))
    few = {"training__micro_batch": 1, "data__max_length": T, "attention": "flash"}
    with_them, without = run(ONE_LAYER, stack=held, **few), run(ONE_LAYER, stack=TRAINER, **few)
    assert with_them.peak_bytes - without.peak_bytes == 2 * T * V


def test_a_pure_16_bit_step_of_full_fine_tuning_takes_ten_bytes_per_weight() -> None:
    many_words = {**ONE_LAYER, "vocab_size": 65536}
    trace = run(
        many_words,
        FULL,
        stack=TRAINER,
        attention="flash",
        training__micro_batch=1,
        data__max_length=16,
    )
    assert trace.moment == "step"
    assert trace.parameters == 4 * H * H + 3 * H * FF + 2 * 65536 * H + 3 * H
    expected = 10 * trace.parameters + 2 * CUBLAS_WORKSPACE
    assert trace.peak_bytes == pytest.approx(expected, rel=0.002)


def test_fewer_moments_take_less() -> None:
    traces = {
        name: one_layer(adapter__rank=64, training__optimizer=name)
        for name in ("adamw", "adamw8bit", "paged_adamw8bit", "lion", "adafactor", "sgd")
    }
    states = {name: trace.parts["optimizer"] for name, trace in traces.items()}
    trained = traces["adamw"].trained_parameters
    assert states["adamw"] == pytest.approx(8 * trained, abs=FEW)
    assert states["lion"] == 4 * trained
    # Two moments of a byte, each with an fp32 scale for 256; tables and scales are padded to 512 B.
    assert states["adamw8bit"] == pytest.approx((2 + 2 * 4 / 256) * trained, rel=0.05)
    assert states["paged_adamw8bit"] == states["adamw8bit"]
    assert states["adafactor"] < states["adamw8bit"]
    assert states["sgd"] == 0
