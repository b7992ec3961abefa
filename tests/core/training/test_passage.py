"""Shortcuts change the speed and never the numbers: packed rows, logits in chunks."""

import random
from typing import Any

import pytest
import torch
from peft import PeftModel
from torch.nn.functional import cross_entropy

from core.data.encode import Example
from core.events import Notice
from core.training import attention
from core.training.attention import NAME
from core.training.head import Head
from core.training.micro_batch import Layout
from core.training.passage import Passage
from core.training.trial import open_passage
from tests.core.training.engine import ignored_warnings, one_thread
from tests.core.training.families import FAMILIES, PADDED, VOCABULARY, build

__all__ = ["one_thread"]

LENGTHS = (7, 19, 12, 19, 3)
SLICES = (slice(0, 20), slice(20, 60))
Gradients = dict[str, torch.Tensor]


def some_rows(seed: int = 0) -> list[Example]:
    """Rows of mixed lengths; the second half of each is trained."""
    dice = random.Random(seed)
    return [
        Example(
            ids=tuple(dice.randrange(3, VOCABULARY) for _ in range(n)),
            trained=tuple(i > n // 2 for i in range(n)),
            row=row,
        )
        for row, n in enumerate(LENGTHS)
    ]


def opened(model: PeftModel, **wanted: Any) -> tuple[Passage, list[Notice]]:
    notices: list[Notice] = []
    ways = open_passage(Passage(model, NAME, Head.of(model.get_base_model()), **wanted), VOCABULARY)
    with ignored_warnings():
        while True:
            try:
                notices.append(next(ways))
            except StopIteration as end:
                return end.value, notices


def stock(model: PeftModel, rows: list[Example]) -> tuple[float, Gradients]:
    """Loss and gradients as the stock stack makes them: padded, all logits, labels of −100."""
    batch = Layout(len(rows), 0, pad_id=0).tensors(rows)
    labels = torch.full_like(batch.ids, -100)
    for i, row in enumerate(rows):
        kept = torch.tensor(row.trained)
        labels[i, : len(row.ids)] = torch.where(kept, torch.tensor(row.ids), -100)
    model.get_base_model().set_attn_implementation("eager")
    logits = model(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False).logits
    loss = cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), reduction="sum")
    return finish(model, loss, float(loss.detach()))


def finish(model: PeftModel, loss: torch.Tensor, value: float) -> tuple[float, Gradients]:
    model.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    named = model.named_parameters()
    return value, {name: p.grad.clone() for name, p in named if p.grad is not None}


def ours(passage: Passage, rows: list[Example]) -> tuple[float, Gradients]:
    layout = Layout.of(rows, len(rows), 0, packed=passage.packed)
    (part,) = layout.split(rows)
    loss = passage.loss(layout.tensors(part))
    return finish(passage.model, loss.objective, float(loss.cross_entropy))


def agree(got: tuple[float, Gradients], expected: tuple[float, Gradients]) -> None:
    """Losses equal to 1e-6, gradients to 1e-5 of the largest one."""
    assert got[0] == pytest.approx(expected[0], rel=1e-6)
    assert got[1].keys() == expected[1].keys()
    largest = max(float(gradient.abs().max()) for gradient in expected[1].values())
    assert largest > 0
    for name, gradient in expected[1].items():
        assert float((got[1][name] - gradient).abs().max()) <= 1e-5 * largest, name


@pytest.mark.parametrize("family", FAMILIES)
def test_packed_rows_give_the_loss_and_the_gradients_of_padded_ones(family: str) -> None:
    model = build(family, FAMILIES[family])
    expected = stock(model, some_rows())
    passage, notices = opened(model)
    assert passage.packed
    assert passage.head is not None
    assert not notices
    agree(ours(passage, some_rows()), expected)


@pytest.mark.parametrize("family", PADDED)
def test_a_family_that_cannot_pack_is_padded_and_says_so(family: str) -> None:
    model = build(family, PADDED[family])
    expected = stock(model, some_rows())
    passage, notices = opened(model)
    assert not passage.packed
    assert [notice.level for notice in notices] == ["info"]
    assert "padded instead of packed" in notices[0].message
    agree(ours(passage, some_rows()), expected)


def test_no_row_sees_another() -> None:
    """Whatever the neighbours are, a row's part of the loss is the same to the last bit."""
    passage, _ = opened(build("llama", {}))
    first, second = some_rows(1), some_rows(2)
    mixed = [first[0], second[1], first[2], second[3], first[4]]
    layout = Layout.of(first, 5, 0, packed=True)
    alone, beside = (passage.logits(layout.tensors(rows)) for rows in (first, mixed))
    counts = [row.trained_tokens for row in first]
    for i, (a, b) in enumerate(zip(alone.split(counts), beside.split(counts), strict=True)):
        assert torch.equal(a, b) == (i % 2 == 0)


def test_rows_that_leak_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def leaking(module: object, *tensors: torch.Tensor, **others: Any) -> object:
        whole = attention.Segments((tensors[0].shape[2],))
        return plain(module, *tensors, **{**others, "segments": whole})  # type: ignore[arg-type]

    plain = attention.segment_attention
    monkeypatch.setattr(attention, "segment_attention", leaking)
    passage, notices = opened(build("llama", {}))
    assert not passage.packed
    assert len(notices) == 1


def test_a_head_with_an_unknown_formula_is_found() -> None:
    model = build("llama", {})
    layer = model.get_base_model().lm_head
    layer.register_forward_hook(lambda _, __, output: output.tanh())
    expected = stock(model, some_rows())
    passage, notices = opened(model)
    assert passage.head is None
    assert passage.packed
    assert "made at once" in notices[0].message
    agree(ours(passage, some_rows()), expected)


def test_attention_in_fp32_is_closer_to_the_truth_than_in_bf16() -> None:
    """The faster type on a processor costs no accuracy."""
    draw = torch.Generator().manual_seed(0)
    rows = [torch.randn(1, 4, 60, 16, generator=draw).bfloat16() for _ in range(3)]
    module = torch.nn.Identity()
    far = {}
    truth = torch.cat([attend(*(x[:, :, s].double() for x in rows)) for s in SLICES], 2)
    for dtype in (torch.float32, torch.bfloat16):
        segments = attention.Segments((20, 40), dtype)
        got, _ = attention.segment_attention(module, *rows, None, segments=segments)
        far[dtype] = float((got.transpose(1, 2) - truth).square().mean())
    assert far[torch.float32] <= far[torch.bfloat16]


def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """Attention as in a textbook."""
    length = query.shape[2]
    scores = query @ key.transpose(2, 3) / query.shape[3] ** 0.5
    future = torch.ones(length, length, dtype=torch.bool).triu(1)
    return scores.masked_fill(future, float("-inf")).softmax(-1) @ value


def test_nothing_below_the_first_adapted_layer_is_kept_for_backward() -> None:
    model = build("llama", {}, target_modules=["q_proj"], layers_to_transform=[2])
    seen: list[bool] = []
    layers = model.get_base_model().model.layers
    for layer in layers:
        layer.register_forward_hook(lambda _, __, output: seen.append(output.requires_grad))
    passage, _ = opened(model)
    seen.clear()
    ours(passage, some_rows())
    assert seen == [False, False, True]


def test_a_way_that_goes_forward_only_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels exist that refuse the backward pass of large heads."""

    def one_way(module: object, *tensors: torch.Tensor, **others: Any) -> object:
        output, weights = plain(module, *tensors, **others)  # type: ignore[arg-type]
        if output.requires_grad:
            output.register_hook(refuse)
        return output, weights

    def refuse(_: torch.Tensor) -> None:
        raise RuntimeError("head dimension must be at most 192")

    plain = attention.segment_attention
    monkeypatch.setattr(attention, "segment_attention", one_way)
    passage, notices = opened(build("llama", {}))
    assert not passage.packed
    assert len(notices) == 1


def test_attention_within_chunks_of_a_row_is_left_to_its_mask() -> None:
    model = build("llama", {})
    model.config.attention_chunk_size = 8
    assert not opened(model)[0].packed


def test_a_window_is_tried_with_a_row_that_is_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """An architecture whose window lives in its mask alone does not hand it down."""

    def windowless(module: object, *tensors: torch.Tensor, **others: Any) -> object:
        return plain(module, *tensors, **{**others, "sliding_window": None})  # type: ignore[arg-type]

    plain = attention.segment_attention
    monkeypatch.setattr(attention, "segment_attention", windowless)
    family = "mistral, sliding window"
    assert not opened(build(family, {"sliding_window": 30}))[0].packed
