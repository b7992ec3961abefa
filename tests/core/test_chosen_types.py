"""What auto came to is kept for plans; a file that is wrong counts as none."""

import json
from dataclasses import replace

import pytest

from core.chosen_types import Types, chosen_types, keep_types
from core.memory.devices import Device, find_devices
from core.memory.plan import plan_memory
from core.paths import types_file
from core.settings import RunSettings
from core.training.precision import choose_precision
from tests.core.memory.memory_shapes import llama, model


def test_types_are_kept_by_kind_of_device() -> None:
    assert chosen_types("cpu") == Types()
    keep_types("cpu", Types("bf16", "fp32"))
    keep_types("cuda", Types("fp16", "fp16"))
    assert (chosen_types("cpu"), chosen_types("cuda")) == (
        Types("bf16", "fp32"),
        Types("fp16", "fp16"),
    )


@pytest.mark.parametrize("content", ["", "[]", '{"x": 1}', "null", '{"cpu": "no"}'])
def test_a_damaged_file_is_none(content: str) -> None:
    keep_types("cpu", Types("bf16", "fp32"))
    types_file().write_text(content)
    assert chosen_types("cpu") == Types()
    keep_types("cpu", Types("fp32", "fp32"))
    assert chosen_types("cpu") == Types("fp32", "fp32")


def test_another_computer_tells_nothing() -> None:
    keep_types("cpu", Types("bf16", "fp32"))
    content = json.loads(types_file().read_text())
    types_file().write_text(json.dumps({"elsewhere": next(iter(content.values()))}))
    assert chosen_types("cpu") == Types()


def test_a_plan_takes_what_the_worker_has_chosen() -> None:
    device = Device("CPU", 2**34, 2**34, "cpu")
    info, settings = model(llama(layers=2)), RunSettings()
    decided = settings.with_changes({"model.dtype": "bf16", "model.attention_dtype": "fp32"})
    tried = replace(device, types=Types("bf16", "fp32"))
    plan = plan_memory(info, settings, device=tried)
    assert plan == plan_memory(info, decided, device=device)
    assert plan.peak_bytes < plan_memory(info, settings, device=device).peak_bytes
    asked = settings.with_changes({"model.dtype": "fp32"})
    assert plan_memory(info, asked, device=tried) == plan_memory(info, asked, device=device)


def test_choosing_is_remembered() -> None:
    precision = choose_precision("auto", "auto")
    assert find_devices()[-1].types == Types(precision.name, precision.attention_name)
