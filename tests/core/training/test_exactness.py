"""What a run says about its resume, and about a machine that has changed."""

import json
from dataclasses import replace

import pytest
import torch

from core.events import Notice, RunStarted
from core.settings import RunSettings
from core.training.exactness import changed, why_inexact
from core.training.precision import choose_precision
from tests.core.training.conftest import MakeRun
from tests.core.training.engine import asks, ended, of, one_thread, quick_proof, run_all

__all__ = ["one_thread", "quick_proof"]


def test_a_gpu_is_exact_only_if_it_adds_in_order() -> None:
    here = choose_precision("fp32")
    gpu = replace(here, device=torch.device("cuda"))
    settings = RunSettings()
    assert why_inexact(settings, replace(here, device=torch.device("cpu"))) == ""
    assert "last digits" in why_inexact(settings, gpu)
    assert why_inexact(settings.with_changes({"training.deterministic": True}), gpu) == ""


def test_only_what_changes_the_sums_is_named() -> None:
    before = {"torch": "2.12.0", "peft": "0.20", "threads": "2"}
    assert changed(before, {"torch": "2.13.0", "peft": "0.21", "threads": "2"}) == [
        "torch 2.12.0 → 2.13.0"
    ]


@pytest.mark.usefixtures("quick_proof")
def test_a_resume_on_another_machine_says_so(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()
    first = run_all(run, on_event=asks("pause", 3))
    assert of(RunStarted, first)[0].inexact == ""
    monkeypatch.setattr("core.training.exactness.platform.machine", lambda: "abacus")
    second = run_all(run, resume=True)
    warnings = [notice.message for notice in of(Notice, second) if notice.level == "warning"]
    assert len(warnings) == 1
    assert "→ abacus" in warnings[0]
    assert ended(second).outcome == "finished"
    manifest = json.loads((run.checkpoints()[-1] / "manifest.json").read_text())
    assert manifest["software"]["threads"] == "1"
