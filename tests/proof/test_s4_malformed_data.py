"""S4: a malformed file is read, or refused with its name and the place; nothing else happens.

Files are read in children that a signal ends where they hang, so that a crash of a library is
counted and not suffered.
"""

import gzip
import json
import re
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pyarrow
import pytest
from pyarrow import feather, parquet

from app.pages.data_source import columns_of
from core.data.rows import load_rows
from core.data.table import RowTable
from core.errors import UserError
from core.settings import DataSettings
from tests.proof.harness import Report, fork, linux_only, reap, short_and_full
from tests.proof.malformed import Malformed, malformed

pytestmark = linux_only

LIMIT = 5
"""Seconds for a file."""
LONGEST_FROZEN = 0.1
IN_A_CHILD = 250
MEMORY = 256 << 20
"""Bytes that a child may take while it reads, beyond what it began with."""
PLACE = re.compile(r"line \d|rows? \d|at its beginning|at its end")
WHOLE = re.compile(r"holds no rows|are not known|cannot be read packed")
"""What is wrong with a file and not with a place in it."""


def load(path: Path) -> RowTable:
    return load_rows(DataSettings(path=str(path)))


def fault(file: Malformed, folder: Path) -> str:
    """Return what went wrong with a file, "" for nothing."""
    path = folder / file.name
    path.write_bytes(file.content)
    try:
        begin = time.process_time()
        columns_of(str(path))  # what the window itself reads of it
        frozen = time.process_time() - begin
        if frozen > LONGEST_FROZEN:
            return f"the window would stand still for {frozen:.3f} s"
        table = load(path)
    except UserError as error:
        return fault_of_message(error, file.name)
    except Exception as error:  # noqa: BLE001 - a proof counts whatever happens
        return f"{type(error).__name__}: {error}"
    finally:
        path.unlink()
    if file.is_cut:
        return f"{len(table)} rows of a cut file"
    json.dumps([list(table.columns), table.roles]).encode()
    for row in table.rows:
        for message in row:
            message.content.encode()  # or no tokenizer would take it
    return ""


def fault_of_message(error: UserError, name: str) -> str:
    told = f"{error.message} {error.hint}"
    has_place = PLACE.search(error.message) or WHOLE.search(error.message)
    good = name in error.message and has_place and error.hint and told.isprintable()
    return "" if good and len(told) < 1500 else f"it was said: {told!r:.300}"


def read_in_children(count: int, folder: Path) -> list[str]:
    """Read so many files and return what went wrong; a child that dies is one fault."""
    faults: list[str] = []
    number, log = 0, folder / "log"
    while number < count:
        last = min(number + IN_A_CHILD, count)
        code = reap(fork(partial(read, range(number, last), log)))
        *said, final = log.read_text("utf-8").splitlines()
        faults += [line for line in said if not line.isdigit()]
        if code:
            faults.append(f"a child ended with {code} at {final}")
        number = int(final) + 1 if code else last
    return faults


def read(numbers: range, log: Path) -> None:
    """Read the files of these numbers; each number is noted before, and what is wrong after."""
    with log.open("w", encoding="utf-8", errors="backslashreplace") as notes:

        def note(text: object) -> None:
            print(text, file=notes, flush=True)

        begin = resident("VmRSS")
        for number in numbers:
            signal.alarm(LIMIT)
            note(number)
            file = malformed(number)
            found = fault(file, log.parent)
            if found:
                note(f"{file.name} ({file.harm}): {found!r}")
        note(numbers[-1])
        assert resident("VmHWM") - begin < MEMORY


def resident(kind: str) -> int:
    """Return the bytes of this process that are, or at most were, in memory."""
    found = re.search(rf"{kind}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) << 10


@short_and_full("count", 200, 5000)
def test_malformed_files(tmp_path: Path, report: Report, count: int) -> None:
    faults = read_in_children(count, tmp_path)
    detail = "seeded; values, text and bytes of eight formats and two packings harmed"
    report.claim("S4", faults, count, f"{detail}; read, or refused with file and place")


HUGE = 100 << 20


def one_line(path: Path) -> None:
    row = json.dumps({"prompt": "a", "response": "x" * HUGE})
    start = json.dumps({"prompt": "a", "response": "b"})
    if path.suffix == ".json":
        path.write_text(f"[{start}, {row}]")
    else:
        path.write_text(f"{start}\n{row}\n")


def one_cell(path: Path) -> None:
    path.write_text("prompt,response\na," + "x" * HUGE)


def a_quote_never_closed(path: Path) -> None:
    path.write_text('prompt,response\na,"' + "more of it\n" * (HUGE // 11))


def one_paragraph(path: Path) -> None:
    path.write_text("more of it\n" * (HUGE // 11))


def brackets(path: Path) -> None:
    path.write_bytes(b"[" * HUGE)


def blanks(path: Path) -> None:
    path.write_bytes(b"\n" * (HUGE // 10))


def spaces(path: Path) -> None:
    path.write_bytes(b" " * HUGE)


def packed_blanks(path: Path) -> None:
    path.write_bytes(gzip.compress(b"\n" * HUGE))


def huge_table() -> object:
    return pyarrow.Table.from_pylist([{"prompt": "a", "response": "x" * HUGE}])


def many_columns(path: Path) -> None:
    names = [f"n{number}" for number in range(500_000)]
    if path.suffix == ".csv":
        path.write_text(",".join(names) + "\n" + "," * (len(names) - 1) + "\n")
    else:
        twice = (f'"{name}": 1' for name in [*names, names[-1]])
        path.write_text("{" + ", ".join(twice) + "}")


def repeated() -> object:
    """A long text that is stored once and held by 5,000 rows: 90 kB that stand for 5 GB."""
    rows = pyarrow.array([0] * 5000, pyarrow.int32())
    texts = pyarrow.DictionaryArray.from_arrays(rows, pyarrow.array(["x" * (HUGE // 100)]))
    return pyarrow.table({"prompt": texts, "response": pyarrow.array([1] * 5000)})


IS_A_NUMBER = "row 0 (counted from 0), column 'response': is a number"
HUGE_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a.jsonl": (one_line, "line 2: the line is longer than 8,388,608"),
    "a.json": (one_line, "line 1, character 36: a row of more than 8,388,608"),
    "a.csv": (one_cell, "line 2: the line is longer than"),
    "b.csv": (a_quote_never_closed, "line 2: not valid CSV (a cell longer than"),
    "a.txt": (one_paragraph, "line 1: the paragraph is longer than"),
    "b.jsonl": (brackets, "line 1: the line is longer than"),
    "b.json": (brackets, "line 1: the JSON is nested too deeply"),
    "c.jsonl": (blanks, "line 1000001: more than 1,000,000 blank characters"),
    "c.jsonl.gz": (packed_blanks, "line 1000001: more than 1,000,000 blank characters"),
    "d.json": (spaces, "line 1: more than 1,000,000 blank characters"),
    "c.csv": (many_columns, "line 2: "),
    "d.jsonl": (many_columns, "line 1: an object names 'n499999' twice"),
    "a.parquet": (lambda path: parquet.write_table(huge_table(), path), "row 0"),
    "b.parquet": (lambda path: parquet.write_table(repeated(), path), IS_A_NUMBER),
    "b.feather": (lambda path: feather.write_feather(repeated(), str(path)), IS_A_NUMBER),
    "a.feather": (lambda path: feather.write_feather(huge_table(), str(path)), "row 0"),
}


@pytest.mark.parametrize("name", HUGE_FILES)
def test_huge_rows(name: str, tmp_path: Path) -> None:
    write, message = HUGE_FILES[name]
    path = tmp_path / name
    write(path)

    def work() -> None:
        signal.alarm(LIMIT)
        Path("/proc/self/clear_refs").write_text("5")  # what was the peak before
        begin = resident("VmRSS")
        with pytest.raises(UserError, match=re.escape(f"{name}, {message}")):
            load(path)
        assert resident("VmHWM") - begin < MEMORY

    assert reap(fork(work)) == 0
    path.unlink()
