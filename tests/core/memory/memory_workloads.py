"""Workloads for the tests: two rows of 1,024 tokens in bf16 unless they say otherwise."""

from core.memory.cells import ModelCells
from core.memory.methods import METHODS, Method
from core.memory.workload import Known, Workload
from core.models.info import Architecture
from core.settings import RunSettings
from tests.core.memory.memory_shapes import llama, model

LORA, INT8, NF4, NF4_DQ, FULL = METHODS
LLAMA = llama()


def workload(
    architecture: Architecture = LLAMA,
    method: Method = LORA,
    known: Known | None = None,
    **changes: object,
) -> Workload:
    usual = {"data.max_length": 1024, "training.micro_batch": 2, "model.dtype": "bf16"}
    dotted = {key.replace("__", "."): value for key, value in changes.items()}
    settings = RunSettings().with_changes({**usual, **dotted})
    cells = ModelCells.of(model(architecture), settings.adapter.targets)
    return Workload.of(cells, settings, method, known or Known())
