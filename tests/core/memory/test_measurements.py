"""Measured peaks are kept through damage, other machines and disks that refuse."""

from pathlib import Path

import pytest

from core.memory import devices
from core.memory.devices import COUNTED, Device, Overhead, find_devices
from core.memory.measurements import Measurement, keep, kept
from core.paths import measurements_file

GIB = 2**30
CPU = devices.CPU_NAME


def measured(number: int = 1, **changes: object) -> Measurement:
    fields = {
        "kind": "run",
        "name": f"run-{number}",
        "model": "Tiny",
        "method": "LoRA 16-bit",
        "device": CPU,
        "device_kind": "cpu",
        "seconds": float(number),
        "predicted_bytes": 2 * GIB,
        "measured_bytes": 2 * GIB + number,
        "tensor_bytes": GIB,
    }
    return Measurement.model_validate({**fields, **changes})


def test_what_is_kept_comes_back_in_its_order() -> None:
    assert kept() == []
    for number in (1, 2, 3):
        keep(measured(number))
    assert kept() == [measured(1), measured(2), measured(3)]


@pytest.mark.parametrize(
    "damage",
    [
        b'{"kind": "run", "name": "cut sho',
        b"\xff\xfe\x00nonsense",
        b'{"kind": "run"}',
        b"[1, 2]",
        b"null",
        b'{"a":' * 2000,
        measured(9, machine="elsewhere").model_dump_json().encode(),
        measured(9).model_dump_json().replace(str(GIB), "-5").encode(),
    ],
)
def test_a_damaged_line_costs_itself_alone(damage: bytes) -> None:
    keep(measured(1))
    with measurements_file().open("ab") as file:
        file.write(damage)  # without an end of line, as a kill leaves it
    keep(measured(2))
    assert kept() == [measured(1), measured(2)]
    assert len(find_devices()[-1].overheads) == 2


def test_a_disk_that_refuses_harms_nobody(home: Path) -> None:
    home.mkdir()
    measurements_file().mkdir()
    keep(measured())
    assert kept() == []


def test_a_device_knows_its_own_newest_measurements(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = Device("NVIDIA RTX", 24 * GIB, 20 * GIB, "cuda")
    monkeypatch.setattr(devices, "_nvidia_gpus", lambda: [gpu])
    on_gpu = {"device": gpu.name, "device_kind": "cuda"}
    for number in range(COUNTED + 5):
        keep(measured(number, kind="probe" if number % 2 else "run"))
    keep(measured(1, **on_gpu))  # in a container the driver does not tell what lay outside
    keep(measured(2, **on_gpu, outside_bytes=300))
    keep(measured(3, **{**on_gpu, "device": "another"}, outside_bytes=500))
    found, cpu = find_devices()
    assert found.overheads == (Overhead(0, 300),)
    expected = [
        Overhead(GIB, GIB + number, brief=bool(number % 2)) for number in range(5, COUNTED + 5)
    ]
    assert list(cpu.overheads) == expected
