"""Every format gives the same rows; every broken file gives one message with the place."""

import codecs
import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import feather, parquet

from core.data.readers import READERS
from core.data.rows import load_rows
from core.data.table import Message, RowTable
from core.errors import UserError
from core.settings import DataSettings

ROWS = [
    {"prompt": "What is a river?", "response": "A stream, large and natural."},
    {"prompt": 'Say "hi"\nin two lines', "response": "hi\nhi"},
    {"prompt": "Größe?", "response": "日本語 🙂"},
]
EXPECTED = tuple(
    (Message("user", row["prompt"]), Message("assistant", row["response"])) for row in ROWS
)


def load(path: Path, **settings: str) -> RowTable:
    return load_rows(DataSettings(path=str(path), **settings))


def write_csv(path: Path, separator: str) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, ["prompt", "response"], delimiter=separator)
        writer.writeheader()
        writer.writerows(ROWS)


def table() -> Any:
    return pyarrow.Table.from_pylist(ROWS)


def categories() -> Any:
    columns = table()
    return pyarrow.table({name: columns[name].dictionary_encode() for name in columns.column_names})


def write_arrow(path: Path, kind: Callable[..., Any]) -> None:
    with kind(str(path), table().schema) as writer:
        writer.write_table(table(), max_chunksize=2)


def lines() -> str:
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS)


WRITERS: dict[str, Callable[[Path], object]] = {
    "a.jsonl": lambda path: path.write_text(lines(), "utf-8"),
    "bom.jsonl": lambda path: path.write_text(lines(), "utf-8-sig"),
    "blank.jsonl": lambda path: path.write_text(f"\n{lines()}\n\n  \n", "utf-8"),
    "utf16.jsonl": lambda path: path.write_text(lines(), "utf-16"),
    "windows.jsonl": lambda path: path.write_bytes(lines().replace("\n", "\r\n").encode()),
    "list.json": lambda path: path.write_text(json.dumps(ROWS, indent=2), "utf-8"),
    "data.json": lambda path: path.write_text(json.dumps({"data": ROWS}), "utf-8-sig"),
    "rows.JSON": lambda path: path.write_text(json.dumps({"n": 3, "rows": ROWS}), "utf-8"),
    "lines.json": lambda path: path.write_text(lines(), "utf-8"),
    "a.csv": lambda path: write_csv(path, ","),
    "german.csv": lambda path: write_csv(path, ";"),
    "a.tsv": lambda path: write_csv(path, "\t"),
    "a.parquet": lambda path: parquet.write_table(table(), path),
    "file.arrow": lambda path: write_arrow(path, pyarrow.ipc.new_file),
    "stream.arrow": lambda path: write_arrow(path, pyarrow.ipc.new_stream),
    "a.feather": lambda path: feather.write_feather(table(), path),
    "dictionary.arrow": lambda path: feather.write_feather(categories(), str(path)),
    "dictionary.parquet": lambda path: parquet.write_table(categories(), path),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_rows(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    WRITERS[name](path)
    table = load(path)
    assert table.rows == EXPECTED
    assert table.columns == ("prompt", "response")
    assert table.roles == {"prompt": "prompt", "response": "answer"}
    assert table.format == "prompt-answer"
    assert table.warnings == ()


def test_every_reader_is_tested() -> None:
    endings = {Path(name).suffix.lower() for name in WRITERS} | {".txt"}
    for name in READERS:
        assert endings & set(READERS[name].suffixes)


def test_plain_text_is_cut_into_paragraphs(tmp_path: Path) -> None:
    path = tmp_path / "story.txt"
    path.write_bytes(codecs.BOM_UTF8 + b"\n\nOnce upon\r\na time.\r\n \t\r\n\r\nThe end.")
    table = load(path)
    assert table.rows == ((Message("text", "Once upon\na time."),), (Message("text", "The end."),))
    assert table.format == "text"


GOOD = b'{"prompt": "a", "response": "b"}\n'
BROKEN = {
    "comma.jsonl": (GOOD * 2 + b'{"prompt": "a" "response": "b"}\n', "line 3, character 16"),
    "open.jsonl": (GOOD + b'\n{"prompt": "a', "line 3, character 12"),
    "list.jsonl": (GOOD + b"[1, 2]\n", "line 2: a row must be an object"),
    "short.jsonl": (GOOD + b'{"prompt":\r\n' + GOOD, "line 2, character 11"),
    "latin.jsonl": (GOOD + '{"prompt": "ä'.encode("latin-1"), "line 2, character 13: not UTF-8"),
    "digits.jsonl": (
        b'{"prompt": ' + b"1" * 5000 + b"}",
        "line 1: a number with thousands of digits",
    ),
    "deep.jsonl": (GOOD + b"[" * 200_000, "line 2: the JSON is nested too deeply"),
    "nul.jsonl": (GOOD + b'{"prompt": "a\0b"}', "line 2, character 14"),
    "comma.json": (
        b'[\n {"prompt": "a", "response": ""},\n {"prompt" "b"}\n]',
        "line 3, character 12",
    ),
    "object.json": (b'{"prompt": "a"}', "no list of rows"),
    "lines.json": (GOOD * 2 + b"{", "line 3, character 2"),
    "deep.json": (b'{"a":' * 200_000, "nested too deeply"),
    "odd.json": (codecs.BOM_UTF16_LE + b"[", "line 1, character 1: not UTF-16 text"),
    "cells.csv": (b"prompt,response\na,b\na,b,c\n", "line 3: 3 cells"),
    "quote.csv": (b'prompt,response\na,"b\nc', "line 2: not valid CSV"),
    "twice.csv": (b"prompt,prompt\na,b\n", "line 1: two columns are called 'prompt'"),
    "cut.parquet": (b"PAR1\0\0\0", "at its beginning: not a readable Parquet file"),
    "empty.jsonl": (b"", "holds no rows"),
    "empty.json": (b"[]", "holds no rows"),
    "nothing.json": (b"", "line 1, character 1"),
    "header.csv": (b"prompt,response\n", "holds no rows"),
    "blank.txt": (b" \n\n", "holds no rows"),
    "really a list.jsonl": (b"\n[{}]", "line 2: this is a JSON list, not one object per line"),
    "table.xlsx": (b"PK\x03\x04", "files that end in '.xlsx' are not known"),
    "excel.csv": (b"PK\x03\x04", "line 1: this is a ZIP or Excel file"),
    "pointer.jsonl": (b"version https://git-lfs.github.com/spec/v1\n", "only a pointer of Git LFS"),
    "page.jsonl": (b"<!DOCTYPE html>\n<html>", "line 1, character 1: not valid JSON"),
    "model.gguf": (b"GGUF", "files that end in '.gguf' are not known"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_named_with_the_place(name: str, tmp_path: Path) -> None:
    content, place = BROKEN[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as caught:
        load(tmp_path / name)
    assert place in caught.value.message
    assert name in caught.value.message
    assert caught.value.hint


def test_a_web_page_is_no_data_but_may_be_text(tmp_path: Path) -> None:
    page = "<!DOCTYPE html>\n<html>"
    for name, says in (("a.json", "not its web page"), ("a.csv", "names of the columns")):
        (tmp_path / name).write_text(page)
        with pytest.raises(UserError) as caught:
            load(tmp_path / name)
        assert says in caught.value.hint
    (tmp_path / "a.txt").write_text(page)
    assert load(tmp_path / "a.txt").rows == ((Message("text", page),),)


def test_a_broken_line_after_many_good_ones(tmp_path: Path) -> None:
    path = tmp_path / "big.jsonl"
    path.write_bytes(GOOD * 117 + b'{"prompt": "a", "response": }\n' + GOOD * 10)
    with pytest.raises(UserError, match=r"big\.jsonl, line 118, character 29: not valid JSON"):
        load(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no file"):
        load(tmp_path / "none.jsonl")
    with pytest.raises(UserError, match="holds no data files"):
        load(tmp_path)


def test_a_long_cell_is_read(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text(f"prompt,response\na,{'x' * 300_000}\n")
    assert len(load(path).rows[0][1].content) == 300_000
