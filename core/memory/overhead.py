"""Bytes around the run: workspaces of kernels, and what the device's software takes for itself."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.heap import has_glibc
from core.memory.devices import Device

MIB = 2**20
CUBLAS_WORKSPACE = 8_519_680  # bytes, measured on A100 and T4; they lie in torch's allocator
HOPPER_WORKSPACE = 32 * MIB  # torch's default from compute capability 9.0 on
WORKSPACES = 2  # one for forward, one for backward's own thread


@dataclass(frozen=True)
class Range:
    """A number of bytes with its bounds."""

    low: int
    likely: int
    high: int

    def __add__(self, other: "Range") -> "Range":
        return Range(self.low + other.low, self.likely + other.likely, self.high + other.high)


NOTHING = Range(0, 0, 0)

CUDA_CONTEXT = Range(140 * MIB, 400 * MIB, 700 * MIB)
"""The driver's context and loaded kernels, outside torch's counters, of a card that is not known.

It grows with the number of processors. Measured were on a T4 105 MiB before the first kernel and
141 after it; 256 on an RTX 3090 with CUDA 12.8 (github.com/invoke-ai/InvokeAI/issues/9413), 426 on
an RTX 6000 Ada with CUDA 13.0 (github.com/unslothai/unsloth-zoo/pull/1053) and 612 on a B200
(github.com/unslothai/unsloth/pull/8669), these three before any kernel was loaded."""
OLD_CONTEXT = Range(140 * MIB, 200 * MIB, 350 * MIB)  # up to Turing
AMPERE_CONTEXT = Range(250 * MIB, 400 * MIB, 650 * MIB)  # and Ada
HOPPER_CONTEXT = Range(450 * MIB, 650 * MIB, 900 * MIB)  # and Blackwell

WORKER_BASE = Range(380 * MIB, 430 * MIB, 600 * MIB)
"""Resident memory of the worker after its imports and a first product: 397 MiB measured with
torch 2.13 (CPU build), transformers 5.23 and peft 0.21 on Linux, and the tokenizer with the data
on top; a CUDA build of torch takes more."""

RUN = Range(60 * MIB, 120 * MIB, 240 * MIB)
"""What a run on a processor adds to that: the tokenizer's and the readers' libraries with the data,
100 MiB measured with 3,000 short rows, 170 where long ones had just been tokenised; and the kernels
that oneDNN compiles, 8 MiB per number of tokens, of which `core.libraries` lets 50 MiB be kept."""
MOVING = ("gradients", "activations", "logits", "workspace")
"""Parts of a plan that come and go within a step."""
HEAP_SHARE = Range(0, 6, 15)
"""Percent of what a step takes and frees: what the C library cannot use again of freed memory, with
the settings of `core.heap`. Nothing to 13 were measured: nothing where rows differ in length, so
that the longest find room that others left, most where every step is the same."""
UNSETTLED_HEAP_SHARE = Range(0, 6, 85)
"""The same where the C library has no such settings: glibc without them took 60 percent of a step
over 1,024 tokens, and more after many steps of different lengths."""


def context_bytes(device: Device | None) -> Range:
    """Return what the device's software needs before the first tensor."""
    if device is not None and device.kind == "cpu":
        return WORKER_BASE + RUN
    capability = (0, 0) if device is None else device.compute_capability
    if capability == (0, 0):
        return CUDA_CONTEXT
    if capability < (8, 0):
        return OLD_CONTEXT
    return AMPERE_CONTEXT if capability < (9, 0) else HOPPER_CONTEXT


def heap_bytes(device: Device | None, parts: Mapping[str, int]) -> Range:
    """Return what a processor's memory holds beside the tensors of a plan's `parts` (bytes).

    That is freed memory that cannot be used again, and a checkpoint that is written meanwhile.
    """
    if device is None or device.kind != "cpu":
        return NOTHING
    share = HEAP_SHARE if has_glibc() else UNSETTLED_HEAP_SHARE
    moving = sum(parts[name] for name in MOVING)
    low, likely, high = (
        moving * percent // 100 for percent in (share.low, share.likely, share.high)
    )
    saved = saving_bytes(parts["adapter"], parts["optimizer"]) if parts["adapter"] else 0
    return Range(low, likely + saved, high + saved)


def saving_bytes(weights: int, moments: int) -> int:
    """Return what saving a checkpoint needs while training goes on.

    A copy of both, and twice the larger file: safetensors puts it together, and copies it into the
    bytes that it returns (measured: 382 MiB for a file of 190).
    """
    return weights + moments + 2 * max(weights, moments)


def library_workspace_bytes(device: Device | None) -> int:
    """Return the workspaces of cuBLAS: two of 8.1 MiB, from Hopper on of 32 MiB; none on a CPU."""
    if device is not None and device.kind == "cpu":
        return 0
    hopper = device is not None and device.compute_capability >= (9, 0)
    return WORKSPACES * (HOPPER_WORKSPACE if hopper else CUBLAS_WORKSPACE)
