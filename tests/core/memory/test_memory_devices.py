"""Devices with a driver that is not there, and the cards to plan for."""

from types import SimpleNamespace

import psutil
import pynvml
import pytest

from core.errors import UserError
from core.memory.amounts import gib, parse_amount
from core.memory.cards import CARDS
from core.memory.devices import CPU_NAME, find_devices

GIB = 2**30


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two GPUs in a made-up driver; returns the calls that open and close it."""
    calls: list[str] = []
    names = [b"NVIDIA A100", "NVIDIA T4"]
    memory = [SimpleNamespace(total=80 * GIB, free=70 * GIB), SimpleNamespace(total=16, free=15)]
    fakes = {
        "nvmlInit": lambda: calls.append("init"),
        "nvmlShutdown": lambda: calls.append("shutdown"),
        "nvmlDeviceGetCount": lambda: 2,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetName": names.__getitem__,
        "nvmlDeviceGetMemoryInfo": memory.__getitem__,
        "nvmlDeviceGetCudaComputeCapability": lambda index: [(8, 0), (7, 5)][index],
    }
    for name, fake in fakes.items():
        monkeypatch.setattr(pynvml, name, fake)
    return calls


def test_gpus_come_first_and_the_processor_last(nvml: list[str]) -> None:
    a100, t4, cpu = find_devices()
    assert (a100.name, a100.kind, a100.index) == ("NVIDIA A100", "cuda", 0)
    assert (a100.total_bytes, a100.used_bytes) == (80 * GIB, 10 * GIB)
    assert (t4.name, t4.index, t4.compute_capability) == ("NVIDIA T4", 1, (7, 5))
    assert (cpu.name, cpu.kind) == (CPU_NAME, "cpu")
    assert cpu.total_bytes == psutil.virtual_memory().total
    assert nvml == ["init", "shutdown"]


def test_without_a_driver_there_is_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_driver() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", no_driver)
    assert [device.kind for device in find_devices()] == ["cpu"]


def test_a_driver_that_fails_half_way_is_closed(
    nvml: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(handle: int) -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)

    monkeypatch.setattr(pynvml, "nvmlDeviceGetMemoryInfo", lost)
    assert [device.kind for device in find_devices()] == ["cpu"]
    assert nvml == ["init", "shutdown"]


def test_the_cards_are_of_four_makers_and_each_once() -> None:
    names = [card.name for card in CARDS]
    assert len(names) == len(set(names)) >= 50
    assert {name.split()[0] for name in names} == {"NVIDIA", "AMD", "Intel", "Apple"}
    assert all(0.6 * c.total_bytes < c.free_bytes <= c.total_bytes for c in CARDS)
    assert all(card.compute_capability >= (6, 0) for card in CARDS if "NVIDIA" in card.name)


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
