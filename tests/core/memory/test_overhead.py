"""What a process holds beside its tensors."""

import pytest

from core.memory import overhead
from core.memory.devices import Device
from core.memory.overhead import NOTHING, Range, heap_bytes

CPU = Device("This computer (CPU)", 2**34, 2**33, "cpu")
GPU = Device("NVIDIA T4", 2**34, 2**33, "cuda")
PARTS = {
    "weights": 10**9,
    "adapter": 100,
    "gradients": 1000,
    "optimizer": 200,
    "activations": 5000,
    "logits": 3000,
    "workspace": 1000,
    "context": 0,
}
SAVING = 100 + 200 + 2 * 200  # copies, and the larger file twice


def test_a_heap_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overhead, "has_glibc", lambda: True)
    assert heap_bytes(CPU, PARTS) == Range(0, 600 + SAVING, 1500 + SAVING)


def test_where_nothing_was_measured_the_interval_is_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overhead, "has_glibc", lambda: False)
    assert heap_bytes(CPU, PARTS) == Range(0, 600 + SAVING, 8500 + SAVING)


@pytest.mark.parametrize("device", [GPU, None])
def test_a_gpu_has_none(device: Device | None) -> None:
    assert heap_bytes(device, PARTS) == NOTHING


def test_without_an_adapter_nothing_of_ours_is_saved() -> None:
    assert heap_bytes(CPU, {**PARTS, "adapter": 0}).likely == 600
