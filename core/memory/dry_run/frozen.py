"""Frozen weights of 8 and 4 bits: the layers of bitsandbytes, with weights that hold nothing."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import nn

from core.memory.methods import Method
from core.memory.weights import BLOCK, NESTED_BLOCK

CODE = 256  # entries of the table of 8-bit scales
NF4_CODE = 16


def quantize(model: Any, method: Method, dtype: torch.dtype) -> None:
    """Replace the matrices of the blocks as transformers does while it loads; on meta."""
    from transformers import BitsAndBytesConfig
    from transformers.integrations.bitsandbytes import replace_with_bnb_linear
    from transformers.quantizers.base import get_keys_to_not_convert

    wanted = (
        BitsAndBytesConfig(load_in_8bit=True)
        if method.bits == 8
        else BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=method.double_quant,
            bnb_4bit_compute_dtype=dtype,
        )
    )
    replace_with_bnb_linear(model, get_keys_to_not_convert(model), wanted)
    for layer in _quantized(model):
        if layer.bias is not None:
            layer.bias.data = layer.bias.data.to(dtype)
    model.is_loaded_in_8bit = method.bits == 8
    model.is_loaded_in_4bit = method.bits == 4
    model.config._is_quantized = True


def pack(model: nn.Module, method: Method, dtype: torch.dtype, gptq_group: int | None) -> None:
    """Give the quantized layers of a moved model weights and scales of the size that they have.

    Args:
        model: With layers that `quantize` made.
        method: Bits, and whether the scales are quantized too.
        dtype: Type into which the weights are unpacked.
        gptq_group: Weights that share a scale in GPTQ, 0 for one scale per column; None: NF4.
            GPTQ unpacks and keeps what bitsandbytes does, so its layers serve for both.
    """
    for layer in _quantized(model):
        shape = torch.Size((layer.out_features, layer.in_features))
        device = layer.weight.device
        if method.bits == 4:
            layer.weight = _packed(shape, dtype, device, nested=method.double_quant)
            if gptq_group is not None:
                layer.weight.quant_state.absmax = _gptq_scales(shape, gptq_group, device)
            continue
        matrix = torch.empty(shape, dtype=torch.int8, device=device)
        layer.state.CB = matrix
        layer.state.SCB = torch.empty(shape[0], dtype=torch.float32, device=device)
        layer.weight = nn.Parameter(matrix, requires_grad=False)
        layer.weight.CB = layer.weight.SCB = None


@contextmanager
def unpacking() -> Iterator[None]:
    """Let DoRA ask the layers of `quantize` and `pack` for their matrices, as it asks real ones.

    PEFT tells the layers of bitsandbytes by the class of their weights, which cannot hold fake
    tensors, and copies 4-bit layers before it looks at them.
    """
    with ExitStack() as stack:
        for name, stand_in in (
            ("dequantize_module_weight", _unpacked),
            ("deepcopy", lambda layer: layer),
        ):
            stack.enter_context(patch(f"peft.tuners.lora.dora.{name}", stand_in))
        yield


def _unpacked(layer: Any) -> torch.Tensor:
    """Return the matrix of a layer, (out, in); on meta before it is packed."""
    from bitsandbytes import functional
    from bitsandbytes.nn import Linear4bit, Linear8bitLt

    weight: torch.Tensor = layer.weight
    if not isinstance(layer, Linear4bit | Linear8bitLt):
        return weight
    if weight.is_meta:
        return weight.new_empty((layer.out_features, layer.in_features), dtype=torch.float32)
    if isinstance(layer, Linear8bitLt):
        matrix: torch.Tensor = functional.int8_vectorwise_dequant(weight.data, layer.state.SCB)
    else:
        matrix = functional.dequantize_4bit(weight.data, layer.weight.quant_state)
    return matrix


def scales_of(module: nn.Module) -> Iterator[torch.Tensor]:
    """Yield the tensors of a module that are neither parameters nor buffers: its scales."""
    for layer in _quantized(module):
        state = getattr(layer.weight, "quant_state", None)
        if state is None:
            yield layer.state.SCB
            continue
        yield from (state.absmax, state.code)
        if state.nested:
            yield from (state.offset, state.state2.absmax, state.state2.code)


def _quantized(model: nn.Module) -> Iterator[Any]:
    from bitsandbytes.nn import Linear4bit, Linear8bitLt

    return (module for module in model.modules() if isinstance(module, Linear4bit | Linear8bitLt))


def _packed(
    shape: torch.Size, dtype: torch.dtype, device: torch.device, *, nested: bool
) -> nn.Parameter:
    """Return NF4 weights of `shape`, two in a byte, with their `quant_state`."""
    from bitsandbytes.functional import QuantState

    blocks = -(-shape.numel() // BLOCK)
    scales = torch.empty(blocks, dtype=torch.uint8 if nested else torch.float32, device=device)
    state = QuantState(
        absmax=scales,
        shape=shape,
        code=torch.empty(NF4_CODE, device=device),
        blocksize=BLOCK,
        quant_type="nf4",
        dtype=dtype,
    )
    if nested:
        state.nested = True
        state.offset = torch.empty((), device=device)
        state.state2 = QuantState(
            absmax=torch.empty(-(-blocks // NESTED_BLOCK), device=device),
            code=torch.empty(CODE, device=device),
            blocksize=NESTED_BLOCK,
            dtype=torch.float32,
        )
    data = torch.empty((shape.numel() + 1) // 2, 1, dtype=torch.uint8, device=device)
    weight = nn.Parameter(data, requires_grad=False)
    weight.quant_state = state  # type: ignore[attr-defined]
    return weight


def _gptq_scales(shape: torch.Size, group: int, device: torch.device) -> torch.Tensor:
    """Return as many bytes as GPTQ's scales (16 bits), zeros (4 bits) and group indices (int32)."""
    rows, columns = shape
    groups = -(-columns // group) if group else 1
    size = groups * rows * 2.5 + 4 * columns
    return torch.empty(round(size / 4), dtype=torch.float32, device=device)
