"""Quantized layers without content against those that bitsandbytes makes of real weights."""

from typing import Any

import pytest
import torch
from bitsandbytes.nn import Linear4bit
from torch import nn

from core.memory.dry_run.device import move, simulated
from core.memory.dry_run.frozen import pack, quantize, scales_of
from core.memory.dry_run.kernels import STAND_INS, hidden_bytes
from core.memory.dry_run.ledger import Ledger
from core.memory.methods import METHODS, Method

IN, OUT, T = 256, 192, 16
INT8, NF4, NF4_DQ = METHODS[1:4]


class Model(nn.Module):
    """As much of a model as quantizing one needs."""

    def __init__(self) -> None:
        super().__init__()
        self.matrix = nn.Linear(IN, OUT, bias=False)
        self.last = nn.Linear(OUT, 8, bias=False)
        self.config = type("Config", (), {})()
        self.all_tied_weights_keys: dict[str, str] = {}

    def get_output_embeddings(self) -> nn.Module:
        return self.last


def quantized(method: Method, dtype: torch.dtype = torch.bfloat16) -> Model:
    with torch.device("meta"):
        model = Model()
    quantize(model, method, dtype)
    return model


def packed(model: Model, method: Method, device: str, gptq_group: int | None = None) -> Any:
    """Return the layer, moved; to be called inside of `simulated`."""
    move(model, device)
    pack(model, method, torch.bfloat16, gptq_group)
    return model.matrix


def real(method: Method) -> Any:
    layer = Linear4bit(
        IN,
        OUT,
        bias=False,
        compute_dtype=torch.bfloat16,
        compress_statistics=method.double_quant,
        quant_type="nf4",
    )
    return layer.to("cpu")


def tensors(layer: Any) -> list[tuple[torch.Size, torch.dtype]]:
    return [(x.shape, x.dtype) for x in (layer.weight.data, *scales_of(layer))]


def saved(layer: Any) -> list[Any]:
    """Return what a product keeps for backward: by autograd's hooks, and beside them."""
    kept: list[Any] = []

    def pack_hook(tensor: torch.Tensor) -> torch.Tensor:
        kept.append((tuple(tensor.shape), tensor.dtype))
        return tensor

    x = torch.empty(T, IN, dtype=torch.bfloat16, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(pack_hook, lambda tensor: tensor):
        output = layer(x)
    beside = output.grad_fn.tensors
    return [*kept, *(None if each is None else (tuple(each.shape), each.dtype) for each in beside)]


@pytest.mark.parametrize("method", [NF4, NF4_DQ], ids=lambda method: method.label)
def test_four_bits_are_as_large_and_keep_as_much_as_real_ones(method: Method) -> None:
    layer, model = real(method), quantized(method)
    sizes, keeps = tensors(layer), saved(layer)
    with simulated("cpu"):
        fake = packed(model, method, "cpu")
        assert tensors(fake) == sizes
        assert saved(fake) == keeps


def test_eight_bits_are_a_byte_each_and_a_scale_per_row() -> None:
    model = quantized(INT8)
    with simulated("cuda"):
        fake = packed(model, INT8, "cuda")
        assert [x.nbytes for x in (fake.weight, *scales_of(fake))] == [IN * OUT, 4 * OUT]


def test_eight_bits_keep_their_input_where_no_checkpoint_can_free_it() -> None:
    model = quantized(INT8)
    with simulated("cuda"):
        fake = packed(model, INT8, "cuda")
        ledger = Ledger("cuda", stand_ins=STAND_INS)
        x = torch.empty(T, IN, dtype=torch.bfloat16, device="cuda", requires_grad=True)
        with ledger:
            output = fake(x * 1)
        kept = ledger.live["activations"] - output.nbytes
    assert kept == pytest.approx(2 * T * IN, abs=1024)


def test_gptq_has_one_scale_for_a_group() -> None:
    model = quantized(NF4)
    with simulated("cpu"):
        scales = packed(model, NF4, "cpu", gptq_group=64).weight.quant_state.absmax
    assert scales.nbytes == IN // 64 * OUT * 2.5 + 4 * IN


def test_a_gpu_unpacks_the_whole_matrix_and_its_scales_twice() -> None:
    model = quantized(NF4_DQ)
    with simulated("cuda"):
        fake = packed(model, NF4_DQ, "cuda")
        ledger = Ledger("cuda", hidden_bytes=hidden_bytes)
        x = torch.empty(T, IN, dtype=torch.bfloat16, device="cuda", requires_grad=True)
        with ledger:
            output = fake(x)
            ledger.begin("")
    assert output.shape == (T, OUT)
    assert ledger.stretches[""].top["workspace"] == 2 * IN * OUT + 2 * 4 * IN * OUT // 64
