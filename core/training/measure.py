"""The peak memory of a run: of the device with CUDA, of the process on a CPU."""

import gc
import os
import sys
from pathlib import Path

import psutil
import torch

from core.heap import give_back_heap

_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")


class PeakMemory:
    """Measures the peak since it was made (macOS: since the process started)."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        elif _CLEAR_REFS.exists():
            _reset_high_water_mark()

    def bytes(self) -> int:
        """Return the peak in bytes.

        With CUDA that is the allocator's peak plus what the process holds outside of it (the
        context and the libraries' workspaces), as far as the driver tells.
        """
        if self._device.type == "cuda":
            return int(torch.cuda.max_memory_allocated(self._device)) + self.outside_bytes()
        return _process_peak()

    def outside_bytes(self) -> int:
        """Return what the process holds on a GPU outside of torch's allocator, 0 if unknown."""
        return _context_bytes(self._device) if self._device.type == "cuda" else 0


def free_memory() -> None:
    """Give back what nobody holds any more, to the device and to the system."""
    gc.collect()
    give_back_heap()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _reset_high_water_mark() -> None:
    """Set VmHWM back to the current size (proc(5): write 5 to clear_refs)."""
    try:
        _CLEAR_REFS.write_text("5")
    except OSError:
        return  # a hardened container: the peak then counts from the start of the process


def _process_peak() -> int:
    if _STATUS.exists():
        line = next(x for x in _STATUS.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    memory = psutil.Process().memory_info()
    if os.name == "nt":
        return int(getattr(memory, "peak_wset"))  # noqa: B009 - Windows alone has it
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return max(int(memory.rss), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def _context_bytes(device: torch.device) -> int:
    import pynvml

    try:
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByUUID(
            f"GPU-{torch.cuda.get_device_properties(device).uuid}"
        )
        processes = pynvml.nvmlDeviceGetComputeRunningProcesses(handle)
        used = next((p.usedGpuMemory for p in processes if p.pid == os.getpid()), None)
    except pynvml.NVMLError:
        return 0
    if used is None:  # containers hide the processes from the driver
        return 0
    return max(0, int(used) - int(torch.cuda.memory_reserved(device)))
