"""Packed files give the rows of the file inside; broken, cut and malicious ones say where."""

import gzip
import json
import tracemalloc
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pyarrow
import pytest

from core.data.readers import reader_for
from core.data.readers.packed import ALWAYS_ALLOWED
from core.data.rows import load_rows
from core.errors import UserError
from core.settings import DataSettings

ROWS = [
    {"prompt": f"What is {i}?", "response": f"The number {i}, größer als {i - 1}."}
    for i in range(5000)
]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()


def zstd(data: bytes) -> bytes:
    packed: bytes = pyarrow.compress(data, codec="zstd", asbytes=True)
    return packed


PACKERS: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "zst": zstd}
CONTENT = {
    "jsonl": LINES,
    "json": json.dumps(ROWS).encode(),
    "csv": "".join(
        f'{row["prompt"]};"{row["response"]}"\n'
        for row in [{"prompt": "prompt", "response": "response"}, *ROWS]
    ).encode(),
    "txt": "\n\n".join(row["response"] for row in ROWS).encode("utf-16"),
}


@pytest.mark.parametrize("ending", PACKERS)
@pytest.mark.parametrize("inner", CONTENT)
def test_rows_of_packed_files(inner: str, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"rows.{inner}.{ending}"
    path.write_bytes(PACKERS[ending](CONTENT[inner]))
    table = load_rows(DataSettings(path=str(path)))
    assert [row[-1].content for row in table.rows] == [row["response"] for row in ROWS]


@pytest.mark.parametrize("ending", PACKERS)
def test_several_packed_parts_one_after_the_other(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"rows.jsonl.{ending}"
    path.write_bytes(PACKERS[ending](LINES) + PACKERS[ending](LINES))
    assert len(load_rows(DataSettings(path=str(path)))) == 2 * len(ROWS)


def test_the_content_tells_whether_it_is_packed(tmp_path: Path) -> None:
    (tmp_path / "plain.jsonl.gz").write_bytes(LINES)
    (tmp_path / "packed.jsonl").write_bytes(gzip.compress(LINES))
    for name in ("plain.jsonl.gz", "packed.jsonl"):
        assert len(load_rows(DataSettings(path=str(tmp_path / name)))) == len(ROWS)


@pytest.mark.parametrize("ending", PACKERS)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.999])
def test_a_cut_file_says_where(ending: str, share: float, tmp_path: Path) -> None:
    path = tmp_path / f"rows.jsonl.{ending}"
    packed = PACKERS[ending](LINES)
    path.write_bytes(packed[: int(share * len(packed))])
    with pytest.raises(UserError) as caught:
        load_rows(DataSettings(path=str(path)))
    assert f"rows.jsonl.{ending}, line " in caught.value.message
    assert "breaks off" in caught.value.message
    assert caught.value.hint == "Download or pack the file again."


def test_the_line_where_a_cut_file_ends(tmp_path: Path) -> None:
    """What is known of the last line but not complete is not a row."""
    path = tmp_path / "rows.jsonl.gz"
    with gzip.open(path, "wb") as file:
        file.write(LINES)
        file.flush()
    whole = path.read_bytes()
    path.write_bytes(whole[:-12])
    with pytest.raises(UserError, match=r"line (4\d\d\d|500\d): the packed file breaks off"):
        load_rows(DataSettings(path=str(path)))


def test_a_flipped_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    packed = bytearray(gzip.compress(LINES))
    packed[len(packed) // 2] ^= 0x10
    path.write_bytes(packed)
    with pytest.raises(UserError, match="line"):
        load_rows(DataSettings(path=str(path)))


@pytest.mark.parametrize("ending", PACKERS)
def test_a_bomb_is_stopped_early(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"rows.jsonl.{ending}"
    row = json.dumps({"prompt": "a", "response": "b" * 10_000}) + "\n"
    bomb = row.encode() * (2 * ALWAYS_ALLOWED // 10_000)
    path.write_bytes(PACKERS[ending](bomb))
    tracemalloc.start()
    with pytest.raises(UserError, match="unpacks to more than 200 times its size"):
        for _ in reader_for(path).read(path):
            pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20


def test_one_endless_line_is_stopped(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(b" " * (40 << 20), 9))
    with pytest.raises(UserError, match=r"rows\.jsonl\.gz, line 1: "):
        next(reader_for(path).read(path))


def test_what_cannot_be_packed(tmp_path: Path) -> None:
    for name in ("a.parquet.gz", "a.arrow.zst"):
        with pytest.raises(UserError, match="cannot be read packed"):
            reader_for(tmp_path / name)
    with pytest.raises(UserError, match=r"files that end in '\.tar' are not known"):
        reader_for(tmp_path / "a.tar.gz")
    twice = tmp_path / "a.jsonl.gz"
    twice.write_bytes(gzip.compress(gzip.compress(LINES)))
    with pytest.raises(UserError, match="line 1: this is packed twice"):
        next(reader_for(twice).read(twice))


def test_reading_is_lazy(tmp_path: Path) -> None:
    """The first rows of a packed file come without the rest, and the file is closed after."""
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(LINES)[:-2000])
    assert [record.place for record in islice(reader_for(path).read(path), 2)] == [
        "line 1",
        "line 2",
    ]
