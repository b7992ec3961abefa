"""Programs that train differently, and what each difference is worth."""

from dataclasses import replace
from typing import Any

import pytest

from core.memory.dry_run import Trace
from core.memory.stack import Loss, Stack
from tests.core.memory.dry_run.shapes import (
    FULL,
    LENGTH,
    LORA,
    NF4,
    ROWS,
    SIZES,
    TRAINER,
    config,
    run,
)

T = ROWS * LENGTH
H, FF, V, LAYERS = (
    SIZES[name] for name in ("hidden_size", "intermediate_size", "vocab_size", "num_hidden_layers")
)
MODEL = config("llama")
AGAIN = {"training__gradient_checkpointing": "all"}


def trained(
    method: Any = LORA, *, attention: str = "flash", model: Any = MODEL, **how: Any
) -> Trace:
    """Trace a program that differs from the Trainer in `how`; settings as section__key."""
    settings = {key: how.pop(key) for key in list(how) if "__" in key}
    stack: Stack = replace(TRAINER, **how)
    return run(model, method, stack, attention=attention, **settings)


def losses(**how: Any) -> Trace:
    many = config("llama", vocab_size=16384, num_hidden_layers=1)
    return trained(model=many, loss=Loss(**{"kind": "torch", **how}), **AGAIN)


def test_every_way_to_make_the_loss_is_told_apart() -> None:
    plain, linear = losses(), losses(kind="linear")
    per_logit = {
        "plain": plain.parts["logits"],
        "shifted": losses(shifts=True).parts["logits"],
        "narrow gone": losses(shifts=True, keeps_narrow=False).parts["logits"],
        "held": losses(held=True).parts["logits"],
        "fused": losses(kind="fused", shifts=True).parts["logits"],
        "in chunks": losses(kind="chunks").parts["logits"],
        "in kept chunks": losses(kind="kept-chunks").parts["logits"],
    }
    share = {name: size / (T * 16384) for name, size in per_logit.items()}
    assert share["plain"] == pytest.approx(12, rel=0.02)
    assert share["shifted"] == pytest.approx(14, rel=0.02)
    assert share["narrow gone"] == pytest.approx(12, rel=0.02)
    assert share["held"] == pytest.approx(14, rel=0.02)
    assert share["fused"] == pytest.approx(10, rel=0.02)
    assert 4 < share["in chunks"] < share["in kept chunks"] < 12
    assert linear.peak_bytes < plain.peak_bytes - 6 * T * 16384


def test_a_fused_norm_keeps_its_input_as_it_is() -> None:
    plain, fused = trained(), trained(fused_norms=True)
    # An fp32 copy less for every norm but the first, which no gradient passes. Between two blocks
    # the hidden states stay instead, in 16 bits, and before the MLP as well.
    norms = 2 * LAYERS
    assert plain.kept_bytes - fused.kept_bytes == pytest.approx(norms * (4 - 2) * T * H, rel=0.01)


def test_padded_rows_get_a_mask_and_repeated_keys() -> None:
    fixed, padded = trained(attention="sdpa"), trained(attention="sdpa", masked=True)
    keys = 2 * 2 * (H - H // 2)
    masks = 2 * ROWS * LENGTH**2
    more = LAYERS * (T * keys + masks)
    assert padded.kept_bytes - fixed.kept_bytes == pytest.approx(more, rel=0.05)


def test_repeated_keys_reach_the_flash_kernel_too() -> None:
    more = trained(repeats_keys=True).kept_bytes - trained().kept_bytes
    assert more == LAYERS * T * 2 * 2 * (H - H // 2)


def test_eager_attention_takes_a_matrix_of_scores_more() -> None:
    long = {"data__max_length": 512, "training__micro_batch": 1}
    scores = 8 * 512**2
    eager, sdpa = (trained(attention=name, **AGAIN, **long) for name in ("eager", "sdpa"))
    assert eager.operator == "aten::_softmax_backward_data"
    # fp32 probabilities, their gradient, that of the scores and the product inside the kernel.
    assert eager.peak_bytes - sdpa.static_bytes > 4 * 4 * scores
    assert eager.parts["workspace"] - sdpa.parts["workspace"] == 4 * scores


def test_checkpoints_hold_one_hidden_state_per_block_or_none() -> None:
    kept = trained(**AGAIN).kept_bytes
    ends = (4 + 2) * T * H  # the last norm's fp32 copy and its output
    assert kept == pytest.approx(LAYERS * 2 * T * H + ends, rel=0.03)
    away = trained(offloads=True, **AGAIN).kept_bytes
    assert kept - away == (LAYERS - 1) * 2 * T * H  # the first is the embeddings, held anyway


def test_reentrant_checkpoints_compute_a_block_to_its_end() -> None:
    wide = config("llama", intermediate_size=2048)
    how = {"adapter__targets": ("q_proj",), **AGAIN}
    partly, wholly = (trained(model=wide, reentrant=each, **how) for each in (False, True))
    assert partly.moment == wholly.moment == "layer"
    assert wholly.peak_bytes - partly.peak_bytes == 2 * T * H


def test_old_4_bit_products_keep_their_inputs() -> None:
    more = trained(NF4, keeps_inputs=True).kept_bytes - trained(NF4).kept_bytes
    # q, k, v share one input and gate and up another; that of o is kept by attention.
    assert more == pytest.approx(LAYERS * 2 * T * (2 * H + FF), rel=0.1)


def test_k_bit_preparation_makes_the_rest_fp32() -> None:
    plain, norms, everything = (trained(NF4, upcast=each) for each in ("none", "norms", "all"))
    wide = V * H + (2 * LAYERS + 1) * H
    assert everything.static_bytes - plain.static_bytes == pytest.approx(2 * 2 * V * H, rel=0.01)
    assert norms.static_bytes - plain.static_bytes < 2 * wide
    assert norms.kept_bytes > plain.kept_bytes


def test_autocast_keeps_16_bit_inputs_of_adapters() -> None:
    rank = {"adapter__rank": 4}
    plain, cast = (
        trained(NF4, autocast=each, adapter__dropout=0.1, **rank) for each in (False, True)
    )
    assert cast.kept_bytes < plain.kept_bytes


def test_fused_adapters_keep_no_masks_of_dropout() -> None:
    attention = ("q_proj", "k_proj", "v_proj", "o_proj")
    how = {"autocast": True, "adapter__targets": attention, "adapter__rank": 1}

    def kept_by_a_block(*, fused: bool) -> int:
        few, more = (
            trained(
                NF4,
                model=config("llama", num_hidden_layers=layers),
                fused_adapters=fused,
                adapter__dropout=0.1,
                **how,
            )
            for layers in (2, 3)
        )
        return more.kept_bytes - few.kept_bytes

    # Four masks of a byte less, the common input of q, k and v more.
    less = kept_by_a_block(fused=False) - kept_by_a_block(fused=True)
    assert less == pytest.approx(T * (4 - 2) * H, rel=0.05)


def test_adapters_may_have_the_type_of_the_weights() -> None:
    wide, narrow = trained(), trained(adapter_follows=True)
    assert narrow.parts["adapter"] * 2 == wide.parts["adapter"]
    assert narrow.kept_bytes < wide.kept_bytes


def test_a_fused_update_needs_no_room_and_one_in_backward_no_gradients() -> None:
    short = {"data__max_length": 16, **AGAIN}
    foreach = trained(FULL, **short)
    fused = trained(FULL, fused_step=True, **short)
    gone = trained(FULL, fused_step=True, steps_in_backward=True, **short)
    assert foreach.moment == "step"
    assert foreach.parts["workspace"] - fused.parts["workspace"] == pytest.approx(
        2 * foreach.parameters, rel=0.01
    )
    assert gone.parts["gradients"] == 0 < fused.parts["gradients"]
    assert gone.peak_bytes < fused.peak_bytes
