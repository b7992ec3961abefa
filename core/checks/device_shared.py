"""Do other programs hold memory of the GPU?"""

from collections.abc import Iterator

import psutil
import pynvml

from core.checks.base import Finding, check
from core.checks.context import CheckContext
from core.memory.amounts import gib
from core.memory.devices import Device

WARN_ABOVE = 500 * 2**20
_NAMED = 3


@check("device-shared", 5)
def device_shared(context: CheckContext) -> Finding | None:
    """Warn where others hold more than 500 MiB of a GPU, by name where the driver tells."""
    device = context.device
    if device is None:
        return None
    if device.kind == "cuda" and device.used_bytes > WARN_ABOVE:
        names = ", ".join(dict.fromkeys(_holders(device))) or "Other programs"
        message = f"{names} hold {gib(device.used_bytes)} of the memory of {device.name}."
        return Finding("warn", message, "Close what you do not need, then look again.")
    return Finding("ok", "No other program holds much memory of the device.")


def _holders(device: Device) -> Iterator[str]:
    """Yield the names of the programs with the most memory; Windows tells of none."""
    try:
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByIndex(device.index)
        processes = pynvml.nvmlDeviceGetComputeRunningProcesses(handle)
        processes += pynvml.nvmlDeviceGetGraphicsRunningProcesses(handle)
    except pynvml.NVMLError:
        return
    by_size = sorted(processes, key=lambda one: one.usedGpuMemory or 0, reverse=True)
    for process in by_size[:_NAMED]:
        try:
            yield psutil.Process(process.pid).name()
        except psutil.Error:
            continue
