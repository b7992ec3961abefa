"""What the durability proofs share: short and full versions, forked children, their results.

A full version is marked slow and writes what it counted to `build/proof/<ID>.json`, from which
`scripts/proof_report.py` fills the table of docs/reliability.md.
"""

import json
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "build" / "proof"

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="fork, /proc and Linux signals")


def short_and_full(name: str, short: object, full: object) -> pytest.MarkDecorator:
    """Run a proof with `short` in `make test` and with `full` in `make proof`."""
    values = [
        pytest.param(short, id="short"),
        pytest.param(full, id="full", marks=pytest.mark.slow),
    ]
    return pytest.mark.parametrize(name, values)


class Report:
    """Takes what a proof counted; a full one leaves it in a file.

    Args:
        write: Whether this is a full version.
    """

    def __init__(self, *, write: bool) -> None:
        self._write = write

    def note(self, name: str, passed: int, of: int, detail: str) -> None:
        """Keep the result of a control, which need not pass."""
        if self._write:
            RESULTS.mkdir(parents=True, exist_ok=True)
            content = {"id": name, "passed": passed, "of": of, "detail": detail}
            (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")

    def claim(self, name: str, failures: list[str], of: int, detail: str) -> None:
        """Keep the result of a proof, and fail where it has failures."""
        self.note(name, of - len(failures), of, detail)
        assert not failures, f"{len(failures)} of {of}: " + "; ".join(failures[:5])


def fork(work: Callable[[], None]) -> int:
    """Start a child that has all imports already, and return its pid; it ends after `work`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads
        child = os.fork()
    if child:
        return child
    code = 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            work()
        code = 0
    except BaseException:  # noqa: BLE001 - a child must never come back into pytest
        traceback.print_exc()
    finally:
        os._exit(code)


def reap(child: int) -> int:
    """Wait for a child and return its exit code, negative where a signal ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill(child: int) -> None:
    """End a child with SIGKILL."""
    os.kill(child, signal.SIGKILL)
    reap(child)
