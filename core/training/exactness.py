"""Whether a run that is resumed gives the very numbers that an uninterrupted one would have given.

Weights, moments, the order of the rows and all random numbers are restored to the bit. What may
differ is how the machine adds up: kernels of a GPU that add in the order in which threads finish,
another version of a library, another number of threads.
"""

import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch

from core.errors import UserError
from core.settings import RunSettings
from core.training.precision import Precision
from core.training.software import versions

_ARITHMETIC = ("torch", "transformers", "bitsandbytes", "machine", "threads")


def why_inexact(settings: RunSettings, precision: Precision) -> str:
    """Return what keeps a resumed run from being exact, "" where it is exact."""
    if precision.device.type == "cuda" and not settings.training.deterministic:
        return "Sums on a GPU differ in their last digits from one time to the next."
    if settings.training.keep_activations:
        return "Activations that are made again, in other company, may differ in their last digits."
    if settings.training.compile:
        return "Blocks that are compiled again may add up in another order."
    return ""


def add_in_order(precision: Precision, *, wanted: bool) -> None:
    """Let a GPU add up in one order always, or not; it costs about a seventh of its speed.

    Strictly: with a warning instead of an error torch's attention goes on adding in any order.
    """
    if precision.device.type == "cuda":
        if wanted:
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS wants it for that
        torch.use_deterministic_algorithms(wanted)
        torch.backends.cudnn.benchmark = not wanted


@contextmanager
def order_in_words() -> Iterator[None]:
    """Say in words that an operation of this model has no fixed order on a GPU.

    Raises:
        UserError: It has none.
    """
    try:
        yield
    except RuntimeError as error:
        if "deterministic" not in str(error):
            raise
        raise UserError(
            "This model has an operation that a GPU cannot do in one order always.",
            "Switch training.deterministic off: a resume is then exact in its weights only.",
            details=str(error),
        ) from None


def arithmetic(precision: Precision) -> dict[str, str]:
    """Return what the last digits of a run depend on: libraries, device and threads."""
    device = precision.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    threads = str(torch.get_num_threads()) if device.type == "cpu" else ""
    return {**versions(), "machine": name, "threads": threads}


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return in words what has changed since a checkpoint was written."""
    return [
        f"{name} {before[name] or 'none'} → {now[name] or 'none'}"
        for name in _ARITHMETIC
        if name in before and before[name] != now.get(name, "")
    ]
