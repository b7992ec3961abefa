"""The planned peak of a process that trains on a processor, against the peak that Linux measured.

    pytest tests/proof/test_planned_memory.py -m slow -s

Every run is a fresh process of the command line with the real starter model. As in the window, the
plan is made before the first tensor is loaded.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.heap import has_glibc
from core.paths import resources_dir
from core.run_folder import RunFolder
from tests.conftest import TEST_CACHE
from tests.proof.harness import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("starter_model"),
    pytest.mark.skipif(not has_glibc(), reason="measured with glibc"),
]

CLOSE = 0.1
ROWS, WORDS = 40, 1500
METHODS = {"lora": {}, "qlora": {"model.bits": 4}}


@pytest.fixture
def long_rows(tmp_path: Path) -> Path:
    """Rows of more than 1,024 tokens, so that each is cut to the length that is asked for."""
    source = (resources_dir() / "data" / "wordnet_definitions.jsonl").read_text("utf-8")
    definitions = [json.loads(line)["messages"][1]["content"] for line in source.splitlines()]
    words = " ".join(definitions).split()
    file = tmp_path / "rows.jsonl"
    starts = range(0, ROWS * 100, 100)
    rows = [{"prompt": "Go on.", "answer": " ".join(words[i : i + WORDS])} for i in starts]
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return file


def off(place: Path, changes: dict[str, object]) -> float:
    """Train in a fresh process; return by how much the plan is above the measured peak."""
    options = [f"--set={key}={value}" for key, value in changes.items()]
    train = [sys.executable, "-m", "app", "train", str(place / "run.toml"), "--out"]
    subprocess.run(
        [sys.executable, "-m", "app", "new", "--out", str(place / "run.toml")], cwd=ROOT, check=True
    )
    subprocess.run([*train, str(place / "run"), *options], cwd=ROOT, check=True)
    state = RunFolder.open(place / "run").state()
    found = state.predicted_bytes / state.measured_bytes - 1
    planned, measured = (size / 2**30 for size in (state.predicted_bytes, state.measured_bytes))
    sys.stdout.write(
        f"{changes}: {planned:.2f} GiB planned, {measured:.2f} measured, {found:+.1%}\n"
    )
    return found


@pytest.mark.parametrize("length", [128, 512, 1024])
@pytest.mark.parametrize("method", METHODS)
def test_the_plan_is_right(
    method: str, length: int, long_rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANKSCOPE_HOME", str(TEST_CACHE))
    rows = {"data.path": long_rows, "data.max_length": length, "training.micro_batch": 1}
    assert abs(off(tmp_path, METHODS[method] | rows | {"training.steps": 6})) < CLOSE


@pytest.mark.parametrize("method", METHODS)
def test_the_plan_of_the_quick_start_is_right(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANKSCOPE_HOME", str(TEST_CACHE))
    assert abs(off(tmp_path, METHODS[method])) < CLOSE
