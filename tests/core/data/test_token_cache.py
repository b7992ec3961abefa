"""What is found is what would be made; whatever is wrong with it, it is made anew."""

import errno
import logging
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from core.data import token_cache
from core.memory.host import token_bytes
from tests.core.data.test_token_fingerprint import (
    another_order,
    another_role,
    another_row,
    trained_on_everything,
)
from tests.core.data.token_inputs import ROOT, Inputs, inputs

__all__ = ["inputs"]


def test_what_is_found_is_what_was_made(inputs: Inputs) -> None:
    first, second = inputs.made(), inputs.made()
    assert first.rows == second.rows == inputs.expected()
    assert set(first.messages) == {"Making tokens"}
    assert second.messages == ["Tokens from the cache"]


def test_a_found_row_lies_in_the_file(inputs: Inputs) -> None:
    inputs.made()
    before = pa.total_allocated_bytes()
    rows = token_cache.load(inputs.file().stem)
    assert rows is not None
    assert pa.total_allocated_bytes() - before < rows.batch.nbytes / 10


def test_length_and_split_need_no_new_tokens(inputs: Inputs) -> None:
    inputs.made()
    settings = inputs.settings.model_copy(update={"max_length": 16, "held_out": 0.3})
    assert inputs._replace(settings=settings).made().messages == ["Tokens from the cache"]


def test_a_stop_ends_the_work_and_keeps_nothing(inputs: Inputs) -> None:
    calls: list[None] = []

    def check() -> None:
        calls.append(None)
        if len(calls) == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        inputs.made(check)
    assert not inputs.file().exists()


# Files that are not what they should be.


def test_a_damaged_file_never_gives_wrong_tokens(inputs: Inputs) -> None:
    expected = inputs.made().rows
    file, rng = inputs.file(), random.Random(0)
    good = file.read_bytes()
    made_anew = 0
    for _ in range(300):
        bad = bytearray(good)
        bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
        file.unlink()  # replaced, never changed in place: it may be mapped
        file.write_bytes(bad)
        found = token_cache.load(file.stem)
        made_anew += found is None
        assert found is None or [found[i] for i in range(len(found))] == expected
    assert made_anew > 250
    assert inputs.made().rows == expected


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9, 0.9999])
def test_a_truncated_file_is_made_anew(inputs: Inputs, share: float) -> None:
    expected = inputs.made().rows
    file = inputs.file()
    good = file.read_bytes()
    file.unlink()
    file.write_bytes(good[: int(share * len(good))])
    again = inputs.made()
    assert again.rows == expected
    assert set(again.messages) == {"Making tokens"}
    assert file.read_bytes() == good


def of_other_rows(inputs: Inputs, file: Path) -> None:
    other = another_row(inputs)
    other.made()
    other.file().replace(file)


def of_another_program(inputs: Inputs, file: Path) -> None:
    batch = pa.RecordBatch.from_pydict({"ids": [1, 2, 3]})
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)


def of_no_format(inputs: Inputs, file: Path) -> None:
    file.write_text("hello")


def a_folder(inputs: Inputs, file: Path) -> None:
    file.mkdir()


@pytest.mark.parametrize("put", [of_other_rows, of_another_program, of_no_format, a_folder])
def test_a_foreign_file_is_not_believed(
    inputs: Inputs, put: Callable[[Inputs, Path], None]
) -> None:
    file = inputs.file()
    file.parent.mkdir(parents=True)
    put(inputs, file)
    made = inputs.made()
    assert made.rows == inputs.expected()
    assert set(made.messages) == {"Making tokens"}


# Disks that are full, and others who write.


@pytest.mark.parametrize("place", ["write", "sync", "rename", "folder", "room"])
def test_a_full_disk_costs_the_cache_and_not_the_run(
    inputs: Inputs, place: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        if place == "write":
            patch.setattr(token_cache, "_write", full)
        elif place == "sync":
            patch.setattr(os, "fsync", full)
        elif place == "rename":
            patch.setattr(Path, "replace", full)
        elif place == "folder":
            patch.setattr(Path, "mkdir", full)
        else:
            usage = type("Usage", (), {"free": 1000})
            patch.setattr(token_cache.shutil, "disk_usage", lambda _: usage)
        made = inputs.made()
    assert made.rows == inputs.expected()
    assert "not kept" in caplog.text
    folder = token_cache.tokens_dir()
    assert not folder.exists() or not list(folder.iterdir())
    inputs.made()
    assert inputs.made().messages == ["Tokens from the cache"]


def test_a_folder_that_takes_no_files(inputs: Inputs, home: Path) -> None:
    home.mkdir(exist_ok=True)
    token_cache.tokens_dir().write_text("a file where the folder should be")
    assert inputs.made().rows == inputs.expected()


def test_the_oldest_files_make_room(
    inputs: Inputs, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    inputs.made()
    size = inputs.file().stat().st_size
    monkeypatch.setattr(token_cache, "LARGEST", int(2.5 * size))
    others = [another_order(inputs), trained_on_everything(inputs), another_role(inputs)]
    others[0].made()
    for age, file in enumerate([inputs.file(), others[0].file()]):
        os.utime(file, (age, age))
    inputs.made()  # used once more: now the other one is the oldest
    others[1].made()
    assert [item.file().exists() for item in (inputs, *others)] == [True, False, True, False]
    monkeypatch.setattr(token_cache, "LARGEST", 10)
    others[2].made()
    assert list(token_cache.tokens_dir().iterdir()) == [others[2].file()]


def test_a_file_is_as_large_as_planned(inputs: Inputs) -> None:
    lengths = [len(row.ids) for row in inputs.made().rows]
    assert token_bytes(len(lengths), sum(lengths)) == pytest.approx(
        inputs.file().stat().st_size, rel=0.05
    )


def test_rows_outlive_the_removal_of_their_file(inputs: Inputs) -> None:
    inputs.made()
    rows = token_cache.load(inputs.file().stem)
    inputs.file().unlink()
    assert rows is not None
    assert [rows[i] for i in range(len(rows))] == inputs.expected()


PROCESS = """
import sys
from core.data.encode import Encoded
from core.data.token_cache import keep, load
from core.data.token_rows import TokenRowsBuilder

rows = [Encoded(ids=tuple(range(i)), trained=(False,) * i, ends=(), answers=0, unlocated=0)
        for i in range(500)]
sys.stdin.readline()
for _ in range(30):
    builder = TokenRowsBuilder()
    builder.add(rows)
    keep("both", builder.build())
    found = load("both")
    assert found is not None and [found[i] for i in range(500)] == rows
"""


def test_two_processes_at_once(home: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", PROCESS]
    both = [
        subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for process in both:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    errors = [process.communicate(timeout=60)[1] for process in both]
    assert errors == ["", ""]
    assert [path.name for path in token_cache.tokens_dir().iterdir()] == ["both.arrow"]
