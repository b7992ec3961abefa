"""The real starter model on real text, end to end, with a real fresh process for the proof."""

from pathlib import Path

import pytest

from core.events import AdapterProven, Evaluated, MemoryMeasured
from core.paths import resources_dir
from core.run_folder import RunFolder
from core.settings import RunSettings
from tests.core.training.engine import ended, of, run_all


@pytest.mark.usefixtures("starter_model")
def test_the_starter_model_learns_definitions(tmp_path: Path) -> None:
    lines = (resources_dir() / "data" / "wordnet_definitions.jsonl").read_text("utf-8")
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(lines.splitlines(keepends=True)[:120]), "utf-8")
    changes = {
        "data.path": str(rows),
        "training.steps": 6,
        "training.micro_batch": 4,
        "training.warmup": 1,
        "training.learning_rate": 1e-3,
    }
    run = RunFolder.create(tmp_path / "run", RunSettings().with_changes(changes))
    events = run_all(run)
    assert ended(events).outcome == "finished", ended(events)
    before, after = (event.loss for event in of(Evaluated, events))
    assert after < 0.9 * before
    (proven,) = of(AdapterProven, events)
    assert (proven.modules, proven.zero_modules) == (210, [])
    assert proven.logit_difference > 0.1
    (memory,) = of(MemoryMeasured, events)
    assert memory.measured_bytes > 135e6 * 2
    assert "HuggingFaceTB/SmolLM2-135M-Instruct" in (run.adapter_dir / "README.md").read_text()
