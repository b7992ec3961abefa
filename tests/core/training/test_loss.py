"""The loss in chunks against PyTorch's own on all logits at once."""

import pytest
import torch
from torch.nn.functional import cross_entropy, linear

from core.memory import logits as chunks
from core.training.head import Head
from core.training.loss import Criterion, chunked_loss, plain_loss

N, HIDDEN, VOCABULARY = 37, 24, 101
HEADS = {
    "plain": {},
    "bias": {"bias": torch.linspace(-1, 1, VOCABULARY, dtype=torch.float64).float()},
    "scale": {"scale": 0.25},
    "cap": {"cap": 3.0},
    "cap and scale": {"cap": 3.0, "scale": 2.0},
}
CRITERIA = [Criterion(), Criterion(0.1), Criterion(0.0, 1e-2), Criterion(0.2, 1e-3)]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of 16 tokens, so that 37 make three, the last one short."""
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 1)


def a_problem(
    dtype: torch.dtype = torch.float32,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    hidden = torch.randn(N, HIDDEN, generator=draw).to(dtype).requires_grad_()
    weight = torch.randn(VOCABULARY, HIDDEN, generator=draw).to(dtype)
    return hidden, weight, torch.randint(VOCABULARY, (N,), generator=draw)


def reference(
    hidden: torch.Tensor, head: Head, targets: torch.Tensor, criterion: Criterion
) -> torch.Tensor:
    """The objective by PyTorch's cross-entropy, which has label smoothing of its own."""
    logits = linear(hidden, head.weight, head.bias).float() * head.scale
    if head.cap is not None:
        logits = head.cap * torch.tanh(logits / head.cap)
    smooth = cross_entropy(logits, targets, reduction="sum", label_smoothing=criterion.smoothing)
    return smooth + criterion.z_loss * logits.logsumexp(-1).square().sum()


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("name", HEADS)
def test_loss_and_gradient_equal_those_of_the_whole(name: str, criterion: Criterion) -> None:
    hidden, weight, targets = a_problem()
    head = Head(weight, **HEADS[name])  # type: ignore[arg-type]
    expected = reference(hidden, head, targets, criterion)
    (by_hidden,) = torch.autograd.grad(expected, hidden)
    loss = chunked_loss(hidden, targets, head, criterion)
    assert loss.objective.item() == pytest.approx(expected.item(), rel=1e-6)
    assert loss.cross_entropy.item() == pytest.approx(
        reference(hidden, head, targets, Criterion()).item(), rel=1e-6
    )
    (got,) = torch.autograd.grad(3 * loss.objective, hidden)
    assert float((got / 3 - by_hidden).abs().max()) <= 1e-5 * float(by_hidden.abs().max())


@pytest.mark.parametrize("criterion", [Criterion(), Criterion(0.1, 1e-3)])
def test_the_plain_loss_is_the_same(criterion: Criterion) -> None:
    hidden, weight, targets = a_problem()
    head = Head(weight)
    expected = chunked_loss(hidden, targets, head, criterion)
    got = plain_loss(head.logits(hidden), targets, criterion)
    torch.testing.assert_close(got.objective, expected.objective)
    torch.testing.assert_close(got.cross_entropy, expected.cross_entropy)
    torch.testing.assert_close(
        torch.autograd.grad(got.objective, hidden), torch.autograd.grad(expected.objective, hidden)
    )


def test_gradients_in_bf16_are_those_of_fp32_to_rounding() -> None:
    hidden, weight, targets = a_problem(torch.bfloat16)
    exact = hidden.detach().float().requires_grad_()
    (expected,) = torch.autograd.grad(
        chunked_loss(exact, targets, Head(weight.float())).objective, exact
    )
    (got,) = torch.autograd.grad(chunked_loss(hidden, targets, Head(weight)).objective, hidden)
    assert got.dtype == torch.bfloat16
    assert float((got.float() - expected).norm() / expected.norm()) < 0.01


def test_without_a_gradient_none_is_made() -> None:
    hidden, weight, targets = a_problem()
    with torch.no_grad():
        loss = chunked_loss(hidden, targets, Head(weight))
    assert not loss.objective.requires_grad


def test_no_label_is_no_loss() -> None:
    hidden, weight, targets = a_problem()
    loss = chunked_loss(hidden[:0], targets[:0], Head(weight))
    assert loss.objective.item() == 0.0


def test_a_chunk_bounds_the_logits() -> None:
    assert chunks.chunk_tokens(49_152, on_cpu=True) == 16  # of a byte: the fewest there are
    for words in (32_000, 128_256, 262_144):
        tokens = chunks.chunk_tokens(words, on_cpu=False)
        assert tokens * words * 4 <= chunks.GPU_CHUNK_BYTES
