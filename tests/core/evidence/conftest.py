"""One small run of rank 6 on the tiny model, trained once for all tests of a file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from core.control import Control
from core.events import Event
from core.jobs.evidence import EvidenceDesk, EvidenceRequest
from core.ranks.evidence import Evidence
from core.run_folder import RunFolder
from core.settings import RunSettings
from core.training import loop
from tests.core.training.conftest import write_rows
from tests.core.training.engine import ended, ignored_warnings, run_all

Train = Callable[..., RunFolder]


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Products of one thread are faster here, and the same on every machine."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def train_run(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Train:
    """Return a function that trains a run on the tiny model, with changes to its settings."""
    folder = tmp_path_factory.mktemp("evidence")
    data = write_rows(folder / "rows.jsonl", 60)

    def train(name: str, **changes: Any) -> RunFolder:
        settings = RunSettings().with_changes(
            {
                "name": name,
                "model.source": str(tiny_model),
                "model.dtype": "fp32",
                "data.path": str(data),
                "data.held_out": 0.2,
                "adapter.rank": 6,
                "adapter.alpha": 12.0,
                "training.steps": 12,
                "training.micro_batch": 4,
                "training.learning_rate": 1e-2,
                "training.evaluate_every": 12,
                "training.samples": 0,
                **{key.replace("__", "."): value for key, value in changes.items()},
            }
        )
        run = RunFolder.create(folder / name, settings)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loop, "prove", lambda *_: iter(()))
            patch.setenv("RANKSCOPE_HOME", str(folder / "home"))
            assert ended(run_all(run)).outcome == "finished"
        return run

    return train


@pytest.fixture(scope="session")
def trained(train_run: Train) -> RunFolder:
    return train_run("plain")


def events_of(request: EvidenceRequest, control: Control | None = None) -> list[Event]:
    """Run the job to its end."""
    with ignored_warnings():
        return list(EvidenceDesk().run(request, control or Control()))


def measured(run: RunFolder, measure: Any = "curve", **options: Any) -> Any:
    """Return what the job measures on a run."""
    request = EvidenceRequest.of_run(run, measure, **options)
    events_of(request)
    result = request.result()
    assert isinstance(result, Evidence)
    return result
