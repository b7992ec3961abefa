"""The files of a real run are as large as planned."""

import pytest

from core.memory.host import adapter_bytes, moment_bytes, run_bytes
from core.models.sources import open_model
from core.run_folder import RunFolder
from tests.core.training.conftest import MakeRun
from tests.core.training.engine import run_all

HEADER = 30_000
"""Bytes of names and places in a file of the tiny model, at most."""
RANK = 256
"""8-bit states begin at 4,096 numbers; smaller matrices keep 32 bits, which is not planned."""


@pytest.mark.parametrize("optimizer", ["adamw", "adamw8bit", "adafactor"])
def test_checkpoints_and_adapter(make_run: MakeRun, optimizer: str) -> None:
    run: RunFolder = make_run(training__optimizer=optimizer, adapter__rank=RANK)
    run_all(run)
    info, settings = open_model(run.settings.model.source), run.settings
    folder = run.checkpoints()[-1]
    adapter = (folder / "adapter_model.safetensors").stat().st_size
    moments = (folder / "optimizer.safetensors").stat().st_size
    assert 0 <= adapter - adapter_bytes(info, settings) < HEADER
    assert 0 <= moments - moment_bytes(info, settings) < HEADER
    folders = (run.checkpoints_dir, run.adapter_dir)
    files = [file for place in folders for file in place.rglob("*") if file.is_file()]
    taken = sum(file.stat().st_size for file in files)
    assert taken < run_bytes(info, settings) + HEADER * len(files)
