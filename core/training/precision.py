"""Which number type the products run in, chosen by a short probe of this machine."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch.nn.functional import scaled_dot_product_attention

from core.chosen_types import Types, keep_types

_PRODUCT = (256, 576, 1536)  # a projection of a small model
_ROW = (1, 9, 128, 64)  # heads, tokens and head size of a short row
_PROBE_ROUNDS = 30
_FP16_LOSS_SCALE = 1024.0


@dataclass(frozen=True)
class Precision:
    """The chosen device and number type.

    Attributes:
        reason: Why, in words for the log.
        attention: Number type of attention over packed rows: scores, their softmax and sums.
        loss_scale: Factor on the loss that keeps small fp16 gradients from becoming zero; a power
            of two, so that dividing by it is exact.
    """

    device: torch.device
    dtype: torch.dtype
    attention: torch.dtype
    reason: str
    loss_scale: float = 1.0

    @property
    def name(self) -> str:
        """Short name: bf16, fp16 or fp32."""
        return _NAMES[self.dtype]

    @property
    def attention_name(self) -> str:
        """Short name of the type of attention."""
        return _NAMES[self.attention]

    def __str__(self) -> str:
        attended = "" if self.attention == self.dtype else f", attention in {self.attention_name}"
        return f"{self.name}{attended} on {self.device.type}: {self.reason}"


_NAMES = {torch.bfloat16: "bf16", torch.float16: "fp16", torch.float32: "fp32"}
_TYPES = {name: dtype for dtype, name in _NAMES.items()}


def choose_precision(wanted: str, attention: str = "auto") -> Precision:
    """Return the precision for `model.dtype` = `wanted` and `model.attention_dtype`.

    Both are auto, bf16, fp16 or fp32; auto takes what is fastest on this machine.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype, reason = _fastest(device) if wanted == "auto" else (_TYPES[wanted], "as asked for")
    attended = attention_type(device, dtype) if attention == "auto" else _TYPES[attention]
    if wanted == attention == "auto":  # so that the window can plan with them
        keep_types(device.type, Types(_NAMES[dtype], _NAMES[attended]))
    scale = _FP16_LOSS_SCALE if dtype == torch.float16 else 1.0
    return Precision(device, dtype, attended, reason, scale)


def _fastest(device: torch.device) -> tuple[torch.dtype, str]:
    if device.type == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return torch.bfloat16, "the GPU has it in hardware"
        return torch.float16, "the GPU has no bf16"
    speedup = race(_product, torch.bfloat16)
    times = f"bf16 products take {1 / speedup:.2f} of the time of fp32 here"
    return (torch.bfloat16 if speedup > 1 else torch.float32), times


def attention_type(device: torch.device, dtype: torch.dtype) -> torch.dtype:
    """Return the type for attention: that of the products, on a processor the faster of two.

    With heads of 64 the rows of a score matrix are short, and what bf16 saves in products it loses
    in conversions: fp32 took half the time on a processor with AVX512-BF16.
    """
    if device.type == "cuda" or dtype == torch.float32:
        return dtype
    return dtype if race(_attention, dtype) > 1 else torch.float32


@cache
def race(make: Callable[[torch.dtype], Callable[[], object]], dtype: torch.dtype) -> float:
    """Return how many times faster `dtype` is than fp32 at what `make` returns; about 0.1 s once.

    The two take turns and the best time of each counts, so that other load on the machine, which
    only ever makes them slower, does not decide.
    """
    runners = (make(torch.float32), make(dtype))
    best = [float("inf"), float("inf")]
    for _ in range(_PROBE_ROUNDS + 1):  # the first one pays for set-up
        for i, run in enumerate(runners):
            started = time.perf_counter()
            run()
            best[i] = min(best[i], time.perf_counter() - started)
    return best[0] / best[1]


def _product(dtype: torch.dtype) -> Callable[[], object]:
    rows, inner, columns = _PRODUCT
    left, right = torch.ones(rows, inner, dtype=dtype), torch.ones(inner, columns, dtype=dtype)
    return lambda: left @ right


def _attention(dtype: torch.dtype) -> Callable[[], object]:
    """Forward and backward of one row, from and to the type of the products."""
    query = torch.ones(_ROW, dtype=torch.bfloat16, requires_grad=True)

    def run() -> None:
        row = query.to(dtype)
        attended = scaled_dot_product_attention(row, row, row, is_causal=True)
        attended.to(query.dtype).sum().backward()  # type: ignore[no-untyped-call]

    return run
