"""Devices with a driver that is not there, and amounts of memory."""

import sys
from collections.abc import Callable
from types import SimpleNamespace

import psutil
import pynvml
import pytest

from core.errors import UserError
from core.memory.amounts import gib, parse_amount
from core.memory.devices import CPU_NAME, find_devices

GIB = 2**30


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two GPUs in a made-up driver of Linux; returns the calls that open and close it."""
    calls: list[str] = []
    names = [b"NVIDIA A100", "NVIDIA T4"]
    memory = [
        SimpleNamespace(total=80 * GIB, free=70 * GIB, reserved=GIB),
        SimpleNamespace(total=16 * GIB, free=15 * GIB, reserved=GIB),
    ]
    fakes = {
        "nvmlInit": lambda: calls.append("init"),
        "nvmlShutdown": lambda: calls.append("shutdown"),
        "nvmlDeviceGetCount": lambda: 2,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetName": names.__getitem__,
        "nvmlDeviceGetMemoryInfo": lambda index, version=None: memory[index],
        "nvmlDeviceGetCudaComputeCapability": lambda index: [(8, 0), (7, 5)][index],
        "nvmlDeviceGetCurrentDriverModel": refusing(pynvml.NVML_ERROR_NOT_SUPPORTED),
    }
    for name, fake in fakes.items():
        monkeypatch.setattr(pynvml, name, fake)
    return calls


def refusing(code: int) -> Callable[..., None]:
    def refuse(*_: object, **__: object) -> None:
        raise pynvml.NVMLError(code)

    return refuse


def test_gpus_come_first_and_the_processor_last(nvml: list[str]) -> None:
    a100, t4, cpu = find_devices()
    assert (a100.name, a100.kind, a100.index) == ("NVIDIA A100", "cuda", 0)
    assert (a100.total_bytes, a100.free_bytes) == (80 * GIB, 70 * GIB)
    assert (a100.used_bytes, a100.driver_bytes, a100.windows_bytes) == (9 * GIB, GIB, 0)
    assert (t4.name, t4.index, t4.compute_capability) == ("NVIDIA T4", 1, (7, 5))
    assert (cpu.name, cpu.kind) == (CPU_NAME, "cpu")
    assert cpu.total_bytes == psutil.virtual_memory().total
    assert nvml == ["init", "shutdown"]


def test_windows_gets_its_share(nvml: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    wddm = pynvml.NVML_DRIVER_WDDM
    monkeypatch.setattr(pynvml, "nvmlDeviceGetCurrentDriverModel", lambda index: wddm)
    a100, t4, _ = find_devices()
    assert (a100.free_bytes, a100.windows_bytes) == (65 * GIB, 5 * GIB)
    assert (t4.free_bytes, t4.windows_bytes) == (14 * GIB, GIB)
    assert a100.used_bytes == 9 * GIB  # as before: nobody holds what is left free
    tcc = pynvml.NVML_DRIVER_WDM
    monkeypatch.setattr(pynvml, "nvmlDeviceGetCurrentDriverModel", lambda index: tcc)
    assert find_devices()[0].windows_bytes == 0


def test_an_old_driver_of_windows_is_taken_for_the_usual_one(
    nvml: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = refusing(pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetCurrentDriverModel", unknown)
    monkeypatch.setattr(sys, "platform", "win32")
    assert find_devices()[1].windows_bytes == GIB


def test_a_small_card_keeps_at_least_600_mib(
    nvml: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = SimpleNamespace(total=4 * GIB, free=GIB // 2, reserved=0)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetMemoryInfo", lambda index, version=None: memory)
    wddm = pynvml.NVML_DRIVER_WDDM
    monkeypatch.setattr(pynvml, "nvmlDeviceGetCurrentDriverModel", lambda index: wddm)
    small = find_devices()[0]
    assert (small.free_bytes, small.windows_bytes) == (0, GIB // 2)
    assert small.used_bytes == 3.5 * GIB


def test_a_driver_that_does_not_tell_what_it_keeps(
    nvml: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def old(index: int, version: int | None = None) -> SimpleNamespace:
        if version:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)
        return SimpleNamespace(total=80 * GIB, free=70 * GIB)

    monkeypatch.setattr(pynvml, "nvmlDeviceGetMemoryInfo", old)
    a100 = find_devices()[0]
    assert (a100.driver_bytes, a100.used_bytes) == (0, 10 * GIB)


def test_without_a_driver_there_is_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_driver() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", no_driver)
    assert [device.kind for device in find_devices()] == ["cpu"]


def test_a_driver_that_fails_half_way_is_closed(
    nvml: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = refusing(pynvml.NVML_ERROR_GPU_IS_LOST)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetMemoryInfo", lost)
    assert [device.kind for device in find_devices()] == ["cpu"]
    assert nvml == ["init", "shutdown"]


@pytest.mark.parametrize(
    ("text", "size"),
    [("24GiB", 24 * GIB), ("24 GB", 24 * 10**9), ("512mib", 512 * 2**20), ("1.5", 1.5 * GIB)],
)
def test_amounts_of_memory(text: str, size: float) -> None:
    assert parse_amount(text) == size


@pytest.mark.parametrize("text", ["", "much", "-1GiB", "0GiB", "24TiB", "GiB"])
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(UserError, match="no amount"):
        parse_amount(text)


def test_three_figures_at_most_two_decimals() -> None:
    assert [gib(x * GIB) for x in (0.034, 6.25, 24, 123.4, 1234.5)] == [
        "0.03 GiB",
        "6.25 GiB",
        "24.0 GiB",
        "123 GiB",
        "1,234 GiB",
    ]
