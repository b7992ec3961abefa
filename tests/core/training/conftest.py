"""A run on the tiny model that takes a second: 40 rows, 6 steps."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.run_folder import RunFolder
from core.settings import RunSettings

MakeRun = Callable[..., RunFolder]

WORDS = ["river", "stone", "cat", "lamp", "bridge", "cloud", "forest", "engine", "paper", "mirror"]


def write_rows(path: Path, rows: int = 40) -> Path:
    content = [
        {
            "prompt": f"Define the word {WORDS[i % 10]} number {i}.",
            "completion": f"A {WORDS[(3 * i) % 10]} that comes before {WORDS[(7 * i) % 10]} {i}.",
        }
        for i in range(rows)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in content), "utf-8")
    return path


@pytest.fixture
def tiny_settings(tiny_model: Path, tmp_path: Path) -> RunSettings:
    changes = {
        "name": "tiny",
        "model.source": str(tiny_model),
        "model.dtype": "fp32",
        "data.path": str(write_rows(tmp_path / "rows.jsonl")),
        "data.held_out": 0.2,
        "adapter.rank": 4,
        "adapter.alpha": 8.0,
        "training.steps": 6,
        "training.micro_batch": 4,
        "training.warmup": 2,
        "training.learning_rate": 1e-2,
        "training.evaluate_every": 2,
        "training.checkpoint_every": 3,
        "training.samples": 0,
    }
    return RunSettings().with_changes(changes)


@pytest.fixture
def make_run(tiny_settings: RunSettings, tmp_path: Path) -> MakeRun:
    """Return a function that creates a run on the tiny model, with changes to its settings."""

    def make(name: str = "run", **changes: Any) -> RunFolder:
        dotted = {key.replace("__", "."): value for key, value in changes.items()}
        return RunFolder.create(tmp_path / name, tiny_settings.with_changes(dotted))

    return make
