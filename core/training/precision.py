"""Which number type the products run in, chosen by a short probe of this machine."""

import time
from dataclasses import dataclass
from functools import cache

import torch

_PROBE_SHAPE = (256, 576, 1536)  # a projection of a small model
_PROBE_ROUNDS = 30
_FP16_LOSS_SCALE = 1024.0


@dataclass(frozen=True)
class Precision:
    """The chosen device and number type.

    Attributes:
        reason: Why, in words for the log.
        loss_scale: Factor on the loss that keeps small fp16 gradients from becoming zero; a power
            of two, so that dividing by it is exact.
    """

    device: torch.device
    dtype: torch.dtype
    reason: str
    loss_scale: float = 1.0

    @property
    def name(self) -> str:
        """Short name: bf16, fp16 or fp32."""
        return _NAMES[self.dtype]

    def __str__(self) -> str:
        return f"{self.name} on {self.device.type}: {self.reason}"


_NAMES = {torch.bfloat16: "bf16", torch.float16: "fp16", torch.float32: "fp32"}
_TYPES = {name: dtype for dtype, name in _NAMES.items()}


def choose_precision(wanted: str) -> Precision:
    """Return the precision for `model.dtype` = `wanted`: auto, bf16, fp16 or fp32."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if wanted != "auto":
        return _precision(device, _TYPES[wanted], "as the settings ask")
    if device.type == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return _precision(device, torch.bfloat16, "the GPU has it in hardware")
        return _precision(device, torch.float16, "the GPU has no bf16")
    speedup = probe_cpu()
    times = f"bf16 products take {1 / speedup:.2f} of the time of fp32 here"
    return _precision(device, torch.bfloat16 if speedup > 1 else torch.float32, times)


def _precision(device: torch.device, dtype: torch.dtype, reason: str) -> Precision:
    scale = _FP16_LOSS_SCALE if dtype == torch.float16 else 1.0
    return Precision(device, dtype, reason, scale)


@cache
def probe_cpu() -> float:
    """Return how many times faster bf16 products are than fp32 here; takes about 0.1 s once.

    The two take turns and the best time of each counts, so that other load on the machine, which
    only ever makes a product slower, does not decide.
    """
    full, half = _Product(torch.float32), _Product(torch.bfloat16)
    for _ in range(_PROBE_ROUNDS):
        full.run()
        half.run()
    return full.best / half.best


class _Product:
    """A matrix product of the probe, and the shortest time that it took in seconds."""

    def __init__(self, dtype: torch.dtype) -> None:
        rows, inner, columns = _PROBE_SHAPE
        self._left = torch.ones(rows, inner, dtype=dtype)
        self._right = torch.ones(inner, columns, dtype=dtype)
        _ = self._left @ self._right  # the first product pays for set-up
        self.best = float("inf")

    def run(self) -> None:
        started = time.perf_counter()
        _ = self._left @ self._right
        self.best = min(self.best, time.perf_counter() - started)
