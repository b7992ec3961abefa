"""The devices of this computer, found without torch."""

from dataclasses import dataclass
from typing import Any

import psutil
import pynvml

CPU_NAME = "This computer (CPU)"


@dataclass(frozen=True)
class Device:
    """A place where a run can happen, or a card to plan for.

    Attributes:
        name: Name for people.
        total_bytes: All of its memory.
        free_bytes: What is free now; for a card to plan for, all that software may use.
        kind: "cuda" (here), "cpu" (here) or "card" (only planned for).
        index: Number of the GPU among those of its kind.
        compute_capability: Of NVIDIA GPUs; (0, 0) elsewhere.
    """

    name: str
    total_bytes: int
    free_bytes: int
    kind: str
    index: int = 0
    compute_capability: tuple[int, int] = (0, 0)

    @property
    def used_bytes(self) -> int:
        """What other programs hold."""
        return max(0, self.total_bytes - self.free_bytes)


def find_devices() -> list[Device]:
    """Return the NVIDIA GPUs of this computer, then its processor."""
    return [*_nvidia_gpus(), _processor()]


def _nvidia_gpus() -> list[Device]:
    """Ask NVML, the driver's own library; without a driver there are none."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    try:
        return [_gpu(index) for index in range(pynvml.nvmlDeviceGetCount())]
    except pynvml.NVMLError:
        return []
    finally:
        pynvml.nvmlShutdown()


def _gpu(index: int) -> Device:
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    capability = pynvml.nvmlDeviceGetCudaComputeCapability(handle)
    return Device(
        _text(pynvml.nvmlDeviceGetName(handle)),
        int(memory.total),
        int(memory.free),
        "cuda",
        index,
        (int(capability[0]), int(capability[1])),
    )


def _text(name: Any) -> str:
    """Return NVML's name as text; older bindings return bytes."""
    return name.decode() if isinstance(name, bytes) else str(name)


def _processor() -> Device:
    memory = psutil.virtual_memory()
    return Device(CPU_NAME, int(memory.total), int(memory.available), "cpu")
