from pathlib import Path

import pytest

from core.control import Control
from core.run_folder import RunFolder
from core.training.requests import Halt, Requests


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


def test_nothing_asked_nothing_happens(run: RunFolder) -> None:
    requests = Requests(Control(), run.control_file)
    requests.check()
    assert requests.request == ""


@pytest.mark.parametrize(("asked", "outcome"), [("stop", "stopped"), ("pause", "paused")])
def test_both_ways_lead_to_a_halt(run: RunFolder, asked: str, outcome: str) -> None:
    control = Control()
    getattr(control, asked)()
    with pytest.raises(Halt) as caught:
        Requests(control, run.control_file).check()
    assert caught.value.outcome == outcome
    requests = Requests(Control(), run.control_file)
    run.ask(asked)  # type: ignore[arg-type]
    with pytest.raises(Halt) as caught:
        requests.check()
    assert caught.value.outcome == outcome


def test_a_request_to_an_earlier_worker_is_over(run: RunFolder) -> None:
    run.ask("stop")
    Requests(Control(), run.control_file).check()


def test_half_a_line_waits_for_its_end_and_nonsense_is_ignored(run: RunFolder) -> None:
    requests = Requests(Control(), run.control_file)
    with run.control_file.open("a") as file:
        file.write('nonsense\n[]\n{"command": "st')
        file.flush()
        requests.check()
        file.write('op"}\n')
    with pytest.raises(Halt):
        requests.check()


def test_the_second_stop_is_in_haste(tmp_path: Path) -> None:
    requests = Requests(Control(), tmp_path / "control.jsonl")
    requests.control.stop()
    assert requests.is_asked()
    assert not requests.is_in_haste()
    (tmp_path / "control.jsonl").write_text('{"command": "stop"}\n')
    assert requests.is_in_haste()
