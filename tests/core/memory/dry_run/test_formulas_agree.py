"""The formulas and the dry run, which know nothing of each other, come to the same."""

from typing import Any

import pytest
import torch

from core.memory.dry_run.config import config_of, info_of
from core.memory.dry_run.model import build, described
from core.memory.methods import METHODS, Method
from core.memory.overhead import library_workspace_bytes
from core.memory.plan import plan_memory
from core.memory.workload import Known
from core.settings import RunSettings
from tests.core.memory.dry_run.shapes import LENGTH, ROWS, config, run

USUAL: dict[str, Any] = {
    "training.micro_batch": ROWS,
    "data.max_length": LENGTH,
    "training.accumulation": 2,
    "model.dtype": "bf16",
    "model.attention_dtype": "bf16",
}
SETTINGS: dict[str, dict[str, Any]] = {
    "usual": {},
    "checkpointed": {"training.gradient_checkpointing": "all"},
    "fp32": {"model.dtype": "fp32", "model.attention_dtype": "fp32"},
    "few targets": {"adapter.targets": ("q_proj@1-2", "v_proj@1-2"), "adapter.rank": 4},
    "lion": {"training.optimizer": "lion"},
    "dora": {"adapter.method": "dora"},
    "one micro-batch": {"training.accumulation": 1},
}


def cases() -> list[Any]:
    wanted = [("llama", method, "usual", cpu) for method in METHODS for cpu in (False, True)]
    wanted += [("llama", method, "checkpointed", False) for method in METHODS]
    wanted += [("llama", METHODS[1], "checkpointed", True), ("llama", METHODS[3], "dora", True)]
    wanted += [("llama", METHODS[0], name, False) for name in ("fp32", "one micro-batch")]
    wanted += [(name, METHODS[0], "usual", False) for name in ("gpt2", "falcon", "gemma2")]
    wanted += [(name, METHODS[0], "usual", True) for name in ("gpt2", "gpt_neox")]
    wanted += [("llama", METHODS[0], name, True) for name in ("fp32", "few targets", "lion")]
    wanted += [("qwen2", METHODS[3], "checkpointed", True), ("mistral", METHODS[4], "usual", False)]
    return [pytest.param(*each, id=" ".join(map(_word, each))) for each in wanted]


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "cpu" if value else "gpu"
    return value.label if isinstance(value, Method) else str(value)


@pytest.mark.parametrize(("family", "method", "name", "on_cpu"), cases())
def test_they_agree(family: str, method: Method, name: str, on_cpu: bool) -> None:
    model, changes = config(family), {**USUAL, **SETTINGS[name]}
    info = described(info_of(model), build(config_of(model), torch.bfloat16, eager=False))
    settings = RunSettings().with_changes(changes)
    plan = plan_memory(info, settings, method=method, known=Known(on_cpu=on_cpu))
    traced = run(
        model,
        method,
        on_cpu=on_cpu,
        **{key.replace(".", "__"): value for key, value in changes.items()},
    )
    libraries = library_workspace_bytes(None)  # the plan of no device has a GPU's
    peak = traced.peak_bytes + (libraries if on_cpu else 0)
    assert plan.trained_parameters == traced.trained_parameters
    assert plan.allocated_bytes == pytest.approx(peak, rel=0.02)
