"""Checkpointed blocks: the same numbers, computed twice, in exactly the blocks that are named."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers.modeling_layers import GradientCheckpointingLayer

from core.models.load import load_model
from core.models.sources import open_model
from core.settings import RunSettings
from core.training.trainee import attach_adapter
from tests.core.training.engine import ignored_warnings, one_thread

__all__ = ["one_thread"]


def adapted(folder: Path, wanted: Any, targets: tuple[str, ...] = ("all-linear",)) -> PeftModel:
    """The tiny model with an adapter that does something."""
    info = open_model(str(folder))
    changes = {"training.gradient_checkpointing": wanted, "adapter.targets": targets}
    settings = RunSettings().with_changes({**changes, "model.dtype": "fp32"})
    with ignored_warnings(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        base = load_model(folder, settings.model, dtype=torch.float32, device="cpu")
        model = attach_adapter(base, settings, info)
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.02)
    return model


def blocks_of(model: PeftModel) -> list[Any]:
    return [m for m in model.modules() if isinstance(m, GradientCheckpointingLayer)]


def step(model: PeftModel) -> tuple[float, dict[str, torch.Tensor], list[int]]:
    """Return the loss, the gradients, and how often each block's MLP was computed."""
    calls: Counter[int] = Counter()
    for index, block in enumerate(blocks_of(model)):
        block.mlp.register_forward_pre_hook(lambda *_, i=index: calls.update([i]))
    ids = torch.arange(12)[None]
    loss = model(input_ids=ids, labels=ids, use_cache=False).loss
    loss.backward()
    gradients = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    return float(loss.detach()), gradients, [calls[i] for i in range(len(blocks_of(model)))]


def test_any_number_of_blocks_gives_the_same_numbers(tiny_model: Path) -> None:
    layers = len(blocks_of(adapted(tiny_model, "off")))
    loss, gradients, calls = step(adapted(tiny_model, "off"))
    assert calls == [1] * layers
    for count in range(1, layers + 1):
        again, recomputed, calls = step(adapted(tiny_model, count))
        assert again == loss
        assert calls == [2] * count + [1] * (layers - count)
        assert recomputed.keys() == gradients.keys()
        for name, gradient in gradients.items():
            assert torch.equal(recomputed[name], gradient)


def test_all_means_those_that_backward_reaches(tiny_model: Path) -> None:
    layers = len(blocks_of(adapted(tiny_model, "off")))
    targets = (f"q_proj@{layers - 1}",)
    plain = step(adapted(tiny_model, "off", targets))[1]
    _, gradients, calls = step(adapted(tiny_model, "all", targets))
    assert calls == [1] * (layers - 1) + [2]
    assert len(gradients) == 2
    assert all(torch.equal(gradients[name], plain[name]) for name in plain)


def test_no_gradient_is_asked_for_below_the_first_adapter(tiny_model: Path) -> None:
    model = adapted(tiny_model, "all")
    hidden = model.get_input_embeddings()(torch.arange(12)[None])
    assert not hidden.requires_grad


@pytest.mark.parametrize("wanted", ["off", "auto", 0])
def test_nothing_is_checkpointed_unasked(tiny_model: Path, wanted: str | int) -> None:
    assert not any(b.gradient_checkpointing for b in blocks_of(adapted(tiny_model, wanted)))
