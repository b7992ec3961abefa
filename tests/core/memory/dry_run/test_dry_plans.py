"""Dry runs as plans: from the command line, and as a job of the worker."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.cli import main
from core.control import Control
from core.events import Progress, Reply, RunEnded, from_line, to_line
from core.jobs import JOBS
from core.memory.devices import Device
from core.memory.dry_run.plan import plan_dry
from core.memory.methods import METHODS
from core.memory.plan import MemoryPlan, plan_memory
from core.models.sources import open_model
from core.settings import RunSettings
from tests.core.memory.dry_run.shapes import config

NF4_DQ = METHODS[3]


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """A folder that holds only config.json."""
    model = tmp_path / "Small"
    model.mkdir()
    content = {**config("llama"), "architectures": ["LlamaForCausalLM"]}
    (model / "config.json").write_text(json.dumps(content))
    return str(model)


def test_the_command_gives_the_same_document(folder: str, capsys: Any) -> None:
    options = ("plan", "--json", "--model", folder, "--seq", "128", "--batch", "2")
    plans = {}
    for extra in ((), ("--dry-run",)):
        assert main([*options, "--gpu-memory", "24GiB", *extra]) == 0
        captured = capsys.readouterr()
        plans[extra] = json.loads(captured.out)["plans"]
        assert "by the formulas" not in captured.err
    formula, dry = plans[()], plans[("--dry-run",)]
    assert [plan["source"] for plan in dry] == ["dry-run"] * 5
    for one, other in zip(formula, dry, strict=True):
        assert set(one) == set(other)
        assert set(one["parts"]) == set(other["parts"])
        assert other["peak_bytes"] == sum(other["parts"].values())
        assert other["low_bytes"] < other["peak_bytes"] < other["high_bytes"]
        assert other["fits"] is True
        assert one["peak_bytes"] == pytest.approx(other["peak_bytes"], rel=0.02)


def test_what_cannot_be_traced_is_planned_by_the_formulas_and_told(
    folder: str, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise NotImplementedError("an operator without a fake")

    monkeypatch.setattr("core.memory.dry_run.plan.dry_run", refused)
    four_bit = ("--method", "qlora", "--bits", "4")
    assert main(["plan", "--json", "--dry-run", "--model", folder, *four_bit]) == 0
    captured = capsys.readouterr()
    assert {plan["source"] for plan in json.loads(captured.out)["plans"]} == {"formula"}
    assert "QLoRA 4-bit DQ: by the formulas (" in captured.err


def test_a_wrong_target_is_a_mistake(folder: str, capsys: Any) -> None:
    assert main(["plan", "--dry-run", "--model", folder, "--targets", "c_attn"]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_the_formulas_decide_how_many_blocks_are_checkpointed(folder: str) -> None:
    settings = RunSettings().with_changes({"training.gradient_checkpointing": "auto"})
    info = open_model(folder)
    none_of_it = Device("small", 2**20, 2**20, "card")
    formula = plan_memory(info, settings, device=none_of_it)
    (made,) = plan_dry(info, settings, none_of_it, methods=(METHODS[0],))
    assert made.plan.checkpointed == formula.checkpointed > 0
    assert made.plan.allocated_bytes == pytest.approx(formula.allocated_bytes, rel=0.02)


def test_the_plan_of_a_processor_has_no_library_workspaces(folder: str) -> None:
    processor = Device("CPU", 2**34, 2**34, "cpu")
    (made,) = plan_dry(open_model(folder), RunSettings(), processor, methods=(NF4_DQ,))
    assert made.plan.source == "dry-run"
    assert made.plan.parts["workspace"] == 0
    assert made.plan.high_bytes > 1.5 * made.plan.allocated_bytes


def test_the_job_replies_with_plans(folder: str) -> None:
    settings = RunSettings().with_changes({"model.source": folder})
    job = JOBS["dry_run"]()
    request = job.Request.model_validate(
        {"settings": settings.model_dump(), "methods": [vars(NF4_DQ)]}
    )
    told, reply = job.run(request, Control())
    assert isinstance(told, Progress)
    line = from_line(to_line(reply))
    assert isinstance(line, Reply)
    (row,) = line.data["plans"]
    plan = MemoryPlan(**row["plan"])
    assert (plan.source, plan.label, row["why_not"]) == ("dry-run", "QLoRA 4-bit DQ", "")


def test_the_job_can_be_stopped(folder: str) -> None:
    job, control = JOBS["dry_run"](), Control()
    settings = RunSettings().with_changes({"model.source": folder})
    control.stop()
    (ended,) = job.run(job.Request(settings=settings), control)
    assert isinstance(ended, RunEnded)
    assert ended.outcome == "stopped"
