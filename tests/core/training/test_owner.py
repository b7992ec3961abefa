"""A run is trained by one process at a time, however many want it at the same moment."""

import subprocess
import sys
import time

import pytest

from core.errors import UserError
from core.run_folder import RunFolder
from core.training.owner import LOCKS
from core.training.start import claim
from tests.core.training.conftest import MakeRun
from tests.core.training.engine import ROOT, asks, ended, one_thread, quick_proof, run_all

__all__ = ["one_thread", "quick_proof"]

PROCESSES = 12
RIVAL = """
import sys, time
from pathlib import Path
from core.errors import UserError
from core.run_folder import RunFolder
from core.training.start import claim
print("ready", flush=True)
time.sleep(float(input()) - time.time())
try:
    claim(RunFolder(Path(sys.argv[1])), resume=True)
    print("won", flush=True)
except UserError as error:
    print(error.message, flush=True)
input()
"""


def rival(run: RunFolder) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", RIVAL, str(run.path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def say(process: "subprocess.Popen[str]", line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()


def answer(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_of_many_that_resume_at_once_one_wins(make_run: MakeRun) -> None:
    run = make_run()
    rivals = [rival(run) for _ in range(PROCESSES)]
    assert [answer(process) for process in rivals] == ["ready"] * PROCESSES
    start = time.time() + 0.5
    for process in rivals:
        say(process, str(start))
    answers = [answer(process) for process in rivals]
    winner = rivals[answers.index("won")]
    assert answers.count("won") == 1
    assert all("is being trained by" in words for words in answers if words != "won")
    winner.kill()
    winner.wait()
    claim(run, resume=True)
    LOCKS.give_back(run)
    for process in rivals:
        process.kill()
        process.communicate()


def test_a_second_claim_of_the_same_process_is_harmless(make_run: MakeRun) -> None:
    run = make_run()
    claim(run, resume=False)
    claim(run, resume=False)
    with rival(run) as other:
        answer(other)
        say(other, str(time.time() + 0.1))
        assert "is being trained by process" in answer(other)
        say(other, "")
    LOCKS.give_back(run)


@pytest.mark.usefixtures("quick_proof")
def test_the_run_is_free_once_its_outcome_is_known(make_run: MakeRun) -> None:
    run = make_run()
    assert ended(run_all(run, on_event=asks("pause", 3))).outcome == "paused"
    with rival(run) as other:
        answer(other)
        say(other, str(time.time() + 0.1))
        assert answer(other) == "won"
        say(other, "")


def test_a_refused_claim_leaves_the_run_free(make_run: MakeRun) -> None:
    run = make_run()
    run.update_state(phase="finished")
    with pytest.raises(UserError, match="finished"):
        claim(run, resume=True)
    assert LOCKS.take(run)
    LOCKS.give_back(run)
