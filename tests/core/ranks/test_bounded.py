"""A huge adapter: its header is checked at once, and one module at a time is in memory."""

import json
import tracemalloc
from itertools import islice
from pathlib import Path

import pytest

from core.errors import UserError
from core.ranks import AdapterFiles
from tests.core.ranks.rank_folders import PREFIX

RANK, WIDTH, MODULES = 64, 4096, 9_600
MATRIX_BYTES = RANK * WIDTH * 4
SIZE = 2 * MODULES * MATRIX_BYTES


def sparse(folder: Path, missing: int = 0) -> Path:
    """Write an adapter of 20 GB of which the disk keeps the header alone."""
    header = {}
    for number in range(2 * MODULES):
        side = "AB"[number % 2]
        key = f"{PREFIX}model.layers.{number // 2}.up_proj.lora_{side}.weight"
        shape = [RANK, WIDTH] if side == "A" else [WIDTH, RANK]
        offsets = [number * MATRIX_BYTES, (number + 1) * MATRIX_BYTES]
        header[key] = {"dtype": "F32", "shape": shape, "data_offsets": offsets}
    text = json.dumps(header).encode()
    with (folder / "adapter_model.safetensors").open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + SIZE - missing)
    config = {"peft_type": "LORA", "r": RANK, "lora_alpha": 16}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


def test_twenty_gigabytes_in_bounded_memory(tmp_path: Path) -> None:
    folder = sparse(tmp_path)
    assert (folder / "adapter_model.safetensors").stat().st_size > 20e9
    tracemalloc.start()
    try:
        files = AdapterFiles(folder)
        modules = list(islice(files, 20))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert files.total == MODULES
    assert not any(module.trained for module in modules)
    # float64 copies of both matrices and of their blocks, beside the table of 19,200 tensors
    assert peak < 16 * MATRIX_BYTES + 60e6


def test_twenty_gigabytes_cut_off_by_a_byte(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cut off: 1 bytes are missing"):
        AdapterFiles(sparse(tmp_path, missing=1))
