"""The ledger counts what is alive, on real tensors as on fake ones."""

import torch

from core.memory.dry_run.ledger import Ledger


def test_tensors_are_rounded_up_and_forgotten_when_they_die() -> None:
    ledger = Ledger("cpu")
    with ledger:
        kept = torch.ones(100)
        passing = torch.ones(1000) * 2
        ledger.begin("after")
        del passing
        kept = kept + 1
        ledger.begin("")
    before, after = ledger.stretches[""], ledger.stretches["after"]
    assert before.net == {"activations": 4 * (112 + 1008)}  # 64 B at a time
    assert before.top == {"activations": 4 * (112 + 2 * 1008)}
    assert before.operator == "aten::mul.Tensor"
    assert after.net == {"activations": -4 * 1008}
    assert after.freed == {"": {"activations": 4 * (112 + 1008)}}
    assert ledger.live == {"activations": 4 * 112}
    assert kept.sum() == 200


def test_views_and_changes_in_place_are_no_new_memory() -> None:
    ledger = Ledger("cpu")
    with ledger:
        whole = torch.zeros(16, 16)
        parts = [whole.t(), whole[3:], whole.add_(1).view(-1)]
    assert ledger.live == {"activations": 1024}
    assert len(parts) == 3


def test_what_is_known_moves_to_its_part() -> None:
    ledger = Ledger("cpu", vocabulary=32)
    weight = torch.zeros(32, 16)
    ledger.file([weight, None], "weights")
    with ledger:
        logits = torch.ones(4, 16) @ weight.t()
        ledger.file([weight], "gradients")
        ledger.file([weight], "adapter", new=True)
    assert ledger.live == {"weights": 0, "gradients": 2048, "activations": 0, "logits": 512}
    assert logits.shape == (4, 32)


def test_memory_inside_of_a_kernel_counts_for_the_moment() -> None:
    inside = {"aten::sum": 4096}
    ledger = Ledger("cpu", hidden_bytes=lambda name, args, kwargs: inside.get(name, 0))
    with ledger:
        total = torch.ones(16).sum()
        ledger.begin("")
    assert ledger.stretches[""].top == {"activations": 128, "workspace": 4096}
    assert ledger.live["workspace"] == 0
    assert total == 16


def test_other_devices_do_not_count() -> None:
    ledger = Ledger("cuda")
    with ledger:
        torch.ones(16)
    assert ledger.live == {}
