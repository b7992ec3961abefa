"""A device that is not there, and tensors without content on it.

A GPU is simulated the same way everywhere, with a GPU or without: the fake tensors lie on the
processor for torch's C++, where autograd needs no device, and say "cuda" to everything in Python:
our engine, transformers, PEFT and bitsandbytes. What C++ decides by the device is decided here as
it would be on a GPU (`OnGpu`). Meanwhile every fake tensor of the process says so.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack

from core.memory.dry_run.kernels import fused_attention

CPU, GPU, META = torch.device("cpu"), torch.device("cuda", 0), torch.device("meta")
CAPABILITY = (8, 0)  # of the GPU, where a library asks

_IS_CUDA = torch.Tensor.is_cuda.__get__  # type: ignore[attr-defined]
_SOFTMAX = frozenset({"softmax", "log_softmax"})
_SUMS = frozenset({"sum", "cumsum", "prod"})
_WIDE = frozenset({"pow", "__pow__", "rsqrt", "reciprocal", "exp", "log", "softplus", "layer_norm"})
"""What autocast computes in fp32 on a GPU but not on a processor, as far as models use it."""


class OnGpu(TorchFunctionMode):
    """Decides as torch does where tensors lie on a GPU; it hears the outermost call only.

    - What lies there already is not copied there.
    - Scaled dot-product attention is one kernel (`core.memory.dry_run.kernels`).
    - softmax of fp16 into fp32 makes no fp32 copy of its input.
    - Dropout keeps a mask of one byte.
    - Autocast does in fp32 what `_WIDE`, `_SUMS` and `_SOFTMAX` name.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if func == _IS_CUDA:
            return args[0].device.type == "cuda"
        if func is torch.Tensor.to and args[0].device.type == "cuda":
            args = args[:1] + tuple(each for each in args[1:] if not _is_gpu(each))
            kwargs = {key: each for key, each in kwargs.items() if not _is_gpu(each)}
            return func(*args, **kwargs) if len(args) > 1 or kwargs else args[0]
        if func is torch.nn.functional.scaled_dot_product_attention:
            return _attention(*args, **kwargs)
        if name in _WIDE and torch.is_autocast_enabled():
            args = tuple(_widened(each) for each in args)
        if name in _SOFTMAX | _SUMS and torch.is_autocast_enabled():
            kwargs = {"dtype": torch.float32, **kwargs}
        if name in _SOFTMAX and kwargs.get("dtype") == torch.float32:
            return _softmax(name, func, args, kwargs)
        if func is torch.nn.functional.dropout:
            return _dropout(*args, **kwargs)
        return func(*args, **kwargs)


def _attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    *_: Any,
    **__: Any,
) -> torch.Tensor:
    return fused_attention(query, key, value, attn_mask)


def _is_gpu(value: Any) -> bool:
    return isinstance(value, torch.device | str) and torch.device(value).type == "cuda"


def _dropout(
    x: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> torch.Tensor:
    return torch.native_dropout(x, p, True)[0] if training and 0 < p < 1 else x


def _widened(value: Any) -> Any:
    narrow = isinstance(value, torch.Tensor) and value.dtype in (torch.bfloat16, torch.float16)
    return value.float() if narrow else value


def _softmax(name: str, func: Any, args: Any, kwargs: Any) -> torch.Tensor:
    if args[0].dtype != torch.float16:
        result: torch.Tensor = func(*args, **kwargs)
        return result
    kernel = torch._softmax if name == "softmax" else torch._log_softmax
    dim = args[1] if len(args) > 1 else kwargs["dim"]
    return kernel(args[0], dim, True)


@contextmanager
def simulated(device: str) -> Iterator[None]:
    """Let tensors on `device`, "cuda" or "cpu", be made and used without allocating any."""
    with ExitStack() as stack:
        if device == "cuda":
            for each in _pretences():
                stack.enter_context(each)
            stack.enter_context(OnGpu())
        stack.enter_context(FakeTensorMode(allow_non_fake_inputs=True))
        yield


def _pretences() -> Iterator[Any]:
    yield _fresh_cache()
    yield patch.object(FakeTensor, "device", property(_told_device))
    yield patch.object(FakeTensor, "_normalize_fake_device", staticmethod(_real_device))
    answers: dict[str, Any] = {
        "torch.cuda.amp.common.amp_definitely_not_available": False,
        "torch.cuda.is_bf16_supported": True,
        "torch.cuda.get_device_capability": CAPABILITY,
        "torch.cuda.synchronize": None,
    }
    for name, answer in answers.items():
        yield patch(name, lambda *_, answer=answer: answer)


@contextmanager
def _fresh_cache() -> Iterator[None]:
    """Let nobody else see what torch remembers of operators on tensors that tell another device."""
    FakeTensorMode.cache_clear()
    try:
        yield
    finally:
        FakeTensorMode.cache_clear()


def _told_device(tensor: FakeTensor) -> torch.device:
    return META if tensor.fake_mode.in_kernel_invocation else GPU


def _real_device(device: torch.device) -> torch.device:
    return CPU if device.type == "cuda" else device


@contextmanager
def autocast(dtype: torch.dtype | None) -> Iterator[None]:
    """Compute in `dtype` under autocast, or as it comes where that is None.

    The lower-precision list of the processor is that of a GPU; both kinds are switched, because
    torch's C++ asks for the one and Python for the other.
    """
    enabled = dtype is not None
    with (
        torch.autocast("cuda", dtype=dtype, enabled=enabled),
        torch.autocast("cpu", dtype=dtype, enabled=enabled),
    ):
        yield


def hear_again(blocks: Iterable[Any]) -> None:
    """Let checkpointed blocks decide as on a GPU when backward computes them again.

    Autograd takes the modes of dispatch along into backward, but not those of functions. The random
    numbers of a GPU that is there are left alone.
    """
    for block in blocks:
        if block.gradient_checkpointing:
            block._gradient_checkpointing_func = partial(_again, block._gradient_checkpointing_func)


def _again(checkpoint: Callable[..., Any], forward: Callable[..., Any], *args: Any) -> Any:
    return checkpoint(partial(_heard, forward), *args, preserve_rng_state=False)


def _heard(forward: Callable[..., Any], *args: Any) -> Any:
    modes = _get_current_function_mode_stack()  # type: ignore[no-untyped-call]
    if any(isinstance(mode, OnGpu) for mode in modes):
        return forward(*args)
    with OnGpu():
        return forward(*args)


def move(model: nn.Module, device: str) -> None:
    """Replace the tensors of a model on the meta device; a shared one stays shared."""
    made: dict[int, nn.Parameter] = {}
    for module in model.modules():
        for name, old in module._parameters.items():
            if old is None:
                continue
            if id(old) not in made:
                new = torch.empty(old.shape, dtype=old.dtype, device=device)
                made[id(old)] = nn.Parameter(new, requires_grad=old.requires_grad)
            module._parameters[name] = made[id(old)]
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = torch.empty(buffer.shape, dtype=buffer.dtype, device=device)
