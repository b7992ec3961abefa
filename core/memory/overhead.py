"""Bytes around the run: workspaces of kernels, and what the device's software takes for itself."""

from dataclasses import dataclass

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


def context_bytes(device: Device | None) -> Range:
    """Return what the device's software needs before the first tensor."""
    if device is not None and device.kind == "cpu":
        return WORKER_BASE
    capability = (0, 0) if device is None else device.compute_capability
    if capability == (0, 0):
        return CUDA_CONTEXT
    if capability < (8, 0):
        return OLD_CONTEXT
    return AMPERE_CONTEXT if capability < (9, 0) else HOPPER_CONTEXT


def library_workspace_bytes(device: Device | None) -> int:
    """Return the workspaces of cuBLAS: two of 8.1 MiB, from Hopper on of 32 MiB; none on a CPU."""
    if device is not None and device.kind == "cpu":
        return 0
    hopper = device is not None and device.compute_capability >= (9, 0)
    return WORKSPACES * (HOPPER_WORKSPACE if hopper else CUBLAS_WORKSPACE)
