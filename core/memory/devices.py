"""The devices of this computer, found without torch."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import psutil
import pynvml

from core.chosen_types import UNTRIED, Types, chosen_types
from core.memory.measurements import Measurement, kept

CPU_NAME = "This computer (CPU)"
WINDOWS_SHARE = 1 / 16
WINDOWS_LEAST = 600 * 2**20
"""Left free on a GPU that Windows manages (the WDDM driver model), the larger of the two. Short of
memory it raises no error there, it moves pages into main memory, and a step takes 10 to 50 times as
long. 600 MiB are what ComfyUI leaves "because of the shared vram issue"; of a card of 12 GB a
reserve of 512 MiB was not enough (github.com/Joakimpalm-Zen/xyntetik-runner/pull/105).
"""


COUNTED = 20
"""Of the measurements on a device the newest that count: libraries and drivers change."""


@dataclass(frozen=True)
class Overhead:
    """What was measured on a device beside the tensors of a run (bytes).

    Attributes:
        tensor_bytes: The tensors.
        overhead_bytes: What the peak had beside them; on a GPU what lay outside of the allocator.
        brief: Measured by the two steps of a probe, not by a whole run.
    """

    tensor_bytes: int
    overhead_bytes: int
    brief: bool = False

    @property
    def measured_bytes(self) -> int:
        """Both together."""
        return self.tensor_bytes + self.overhead_bytes


@dataclass(frozen=True)
class Device:
    """A place where a run can happen, or a card to plan for.

    Attributes:
        name: Name for people.
        total_bytes: All of its memory.
        free_bytes: What a run may take now; for a card to plan for, all that software may use.
        kind: "cuda" (here), "cpu" (here) or "card" (only planned for).
        index: Number of the GPU among those of its kind.
        compute_capability: Of NVIDIA GPUs; (0, 0) elsewhere.
        driver_bytes: What the driver keeps for itself, as far as it tells.
        windows_bytes: What is left free so that Windows does not move memory into main memory.
        series: Of a card to plan for: its family, such as NVIDIA GeForce RTX 40.
        overheads: What was measured here lately (see `core.memory.calibration`).
        types: What number types that are "auto" came to here.
    """

    name: str
    total_bytes: int
    free_bytes: int
    kind: str
    index: int = 0
    compute_capability: tuple[int, int] = (0, 0)
    driver_bytes: int = 0
    windows_bytes: int = 0
    series: str = ""
    overheads: tuple[Overhead, ...] = ()
    types: Types = UNTRIED

    @property
    def used_bytes(self) -> int:
        """What other programs hold."""
        kept = self.free_bytes + self.driver_bytes + self.windows_bytes
        return max(0, self.total_bytes - kept)


def find_devices() -> list[Device]:
    """Return the NVIDIA GPUs of this computer, then its processor, with what was measured there."""
    measured = kept()
    return [
        replace(device, overheads=_overheads(device, measured))
        for device in (*_nvidia_gpus(), _processor())
    ]


def _overheads(device: Device, measured: Sequence[Measurement]) -> tuple[Overhead, ...]:
    """Return the newest measurements that tell the overhead of this device."""
    found = []
    for one in measured:
        if (one.device, one.device_kind) != (device.name, device.kind):
            continue
        if device.kind == "cpu":
            beside = one.measured_bytes - one.tensor_bytes
            found.append(Overhead(one.tensor_bytes, beside, brief=one.kind == "probe"))
        elif one.outside_bytes:
            found.append(Overhead(0, one.outside_bytes))
    return tuple(found[-COUNTED:])


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
    total, free, driver = _memory(handle)
    windows = max(WINDOWS_LEAST, round(WINDOWS_SHARE * total)) if _is_windows_managed(handle) else 0
    capability = pynvml.nvmlDeviceGetCudaComputeCapability(handle)
    return Device(
        _text(pynvml.nvmlDeviceGetName(handle)),
        total,
        max(0, free - windows),
        "cuda",
        index,
        (int(capability[0]), int(capability[1])),
        driver_bytes=driver,
        windows_bytes=min(windows, free),
    )


def _memory(handle: Any) -> tuple[int, int, int]:
    """Return total, free and reserved bytes; drivers before 510 count the last among the used."""
    try:
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle, version=pynvml.nvmlMemory_v2)
    except pynvml.NVMLError:
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
        return int(memory.total), int(memory.free), 0
    return int(memory.total), int(memory.free), int(memory.reserved)


def _is_windows_managed(handle: Any) -> bool:
    """Tell whether the GPU runs under WDDM: the usual model of Windows, unknown elsewhere."""
    try:
        model = pynvml.nvmlDeviceGetCurrentDriverModel(handle)
    except pynvml.NVMLError:
        return sys.platform == "win32"
    return int(model) == int(pynvml.NVML_DRIVER_WDDM)


def _text(name: Any) -> str:
    """Return NVML's name as text; older bindings return bytes."""
    return name.decode() if isinstance(name, bytes) else str(name)


def _processor() -> Device:
    memory = psutil.virtual_memory()
    return Device(
        CPU_NAME, int(memory.total), int(memory.available), "cpu", types=chosen_types("cpu")
    )
