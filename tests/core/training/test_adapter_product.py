"""The adapted product against PEFT's own layers: dense and 4-bit, plain and checkpointed."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn
from torch.utils.checkpoint import checkpoint

from core.training.adapter_product import shorten_products
from tests.core.training.engine import ignored_warnings, one_thread

__all__ = ["one_thread"]

TOKENS, WIDTH, OUT, RANK = 21, 64, 96, 8


class TwoLayers(nn.Module):
    """Two matrices, the second one after a bend, so that the first one needs a gradient from it."""

    def __init__(self, linear: Callable[[int, int], nn.Module]) -> None:
        super().__init__()
        self.first, self.second = linear(WIDTH, OUT), linear(OUT, WIDTH)
        self.checkpointed = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.checkpointed:
            return checkpoint(self._block, x, use_reentrant=False)  # type: ignore[no-any-return]
        return self._block(x)

    def _block(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(torch.tanh(self.first(x)))  # type: ignore[no-any-return]


def dense(into: int, out: int) -> nn.Module:
    return nn.Linear(into, out)


def four_bit(into: int, out: int) -> nn.Module:
    from bitsandbytes.nn import Linear4bit, Params4bit

    layer = Linear4bit(into, out, compute_dtype=torch.float32, quant_type="nf4")
    weight = torch.randn(out, into)
    layer.weight = Params4bit(weight, requires_grad=False, quant_type="nf4").to("cpu")
    layer.support_avx512bf16_for_cpu = False
    return layer


def adapted(linear: Callable[[int, int], nn.Module], **changes: Any) -> PeftModel:
    """A PEFT model with random factors, B included."""
    with ignored_warnings(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        base = TwoLayers(linear).requires_grad_(False)
        config = {"r": RANK, "lora_alpha": 3 * RANK, "target_modules": ["first", "second"]}
        model = get_peft_model(base, LoraConfig(**{**config, **changes}))
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                nn.init.normal_(parameter)
    return model


def result(model: nn.Module, dtype: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
    """Output and all gradients for the same input."""
    draw = torch.Generator().manual_seed(1)
    x = torch.randn(3, TOKENS // 3, WIDTH, generator=draw).to(dtype).requires_grad_()
    y = model(x)
    model.zero_grad()
    (y.float() * torch.linspace(-1, 1, WIDTH)).sum().backward()
    assert x.grad is not None
    found = {"y": y.detach(), "x": x.grad}
    return found | {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def agree(got: dict[str, torch.Tensor], expected: dict[str, torch.Tensor], share: float) -> None:
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        assert got[name].dtype == value.dtype
        difference = float((got[name].float() - value.float()).norm())
        assert difference <= share * float(value.float().norm()), name


@pytest.mark.parametrize("checkpointed", [False, True])
@pytest.mark.parametrize("linear", [dense, four_bit])
def test_output_and_gradients_equal_those_of_peft(
    linear: Callable[[int, int], nn.Module], checkpointed: bool
) -> None:
    model = adapted(linear)
    with ignored_warnings():
        expected = result(model)
        assert shorten_products(model, "fp32") == 2
        model.get_base_model().checkpointed = checkpointed
        agree(result(model), expected, 2e-6)


def test_in_bf16_it_is_as_close_to_the_truth_as_peft() -> None:
    truth = result(adapted(dense))
    errors = {}
    for shortened in (False, True):
        model = adapted(dense)
        for layer in (model.get_base_model().first, model.get_base_model().second):
            layer.get_base_layer().to(torch.bfloat16)
        if shortened:
            shorten_products(model, "fp32")
        got = result(model, torch.bfloat16)
        errors[shortened] = {
            n: float((got[n].float() - truth[n]).norm() / truth[n].norm()) for n in truth
        }
    for name, error in errors[False].items():
        assert errors[True][name] <= 1.1 * error + 1e-3, name


def test_products_in_the_models_type_leave_fp32_factors_and_gradients() -> None:
    truth = result(adapted(dense))
    model = adapted(dense)
    for layer in (model.get_base_model().first, model.get_base_model().second):
        layer.get_base_layer().to(torch.bfloat16)
    shorten_products(model, "model")
    got = result(model, torch.bfloat16)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            assert parameter.dtype == torch.float32
            assert got[name].dtype == torch.float32
            assert float((got[name] - truth[name]).norm() / truth[name].norm()) < 0.02


def test_the_input_is_kept_once_and_as_it_is() -> None:
    """PEFT keeps an fp32 copy of the input of every module; here all share the bf16 one."""
    kept: dict[bool, list[torch.Tensor]] = {}
    for shortened in (False, True):
        model = adapted(dense).to(torch.bfloat16)
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.data = parameter.data.float()
        if shortened:
            shorten_products(model, "fp32")
        tensors = kept[shortened] = []
        x = torch.randn(TOKENS, WIDTH, dtype=torch.bfloat16, requires_grad=True)
        with torch.autograd.graph.saved_tensors_hooks(tensors.append, lambda _: _):
            model.get_base_model().first(x)
    assert any(t.dtype == torch.float32 and t.shape == (TOKENS, WIDTH) for t in kept[False])
    assert not any(t.dtype == torch.float32 and t.shape == (TOKENS, WIDTH) for t in kept[True])


@pytest.mark.parametrize(
    "changes", [{"use_dora": True}, {"lora_dropout": 0.1}, {"lora_bias": True}]
)
def test_what_is_more_than_two_factors_keeps_its_own_forward(changes: dict[str, Any]) -> None:
    assert shorten_products(adapted(dense, **changes), "fp32") == 0


def test_a_switched_off_adapter_is_the_base() -> None:
    model = adapted(dense)
    x = torch.randn(2, WIDTH)
    with model.disable_adapter():
        expected = model(x)
    shorten_products(model, "fp32")
    with model.disable_adapter():
        assert torch.equal(model(x), expected)
    assert not torch.allclose(model(x), expected)


def test_a_checkpointed_block_unpacks_a_matrix_twice_not_thrice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import bitsandbytes.functional

    model = copy.deepcopy(adapted(four_bit))
    shorten_products(model, "fp32")
    unpack, calls = bitsandbytes.functional.dequantize_4bit, []

    def counted(*arguments: Any, **named: Any) -> torch.Tensor:
        calls.append(1)
        return unpack(*arguments, **named)

    monkeypatch.setattr(bitsandbytes.functional, "dequantize_4bit", counted)
    for checkpointed in (False, True):
        calls.clear()
        model.get_base_model().checkpointed = checkpointed
        with ignored_warnings():
            result(model)
        assert len(calls) == 4  # two matrices, once forward and once backward
