"""Tables in every dialect give the same rows; what is not clear is asked, never guessed."""

import csv
from pathlib import Path
from typing import Any

import pytest

from core.data.rows import load_rows
from core.data.table import Message
from core.errors import UserError
from core.settings import DataSettings

HEADER = ["prompt", "response", "price"]
CELLS = [
    ["What is a river?", "A stream, large; and natural | wet.", "3,14"],
    ['Say "hi"\nin two\r\nlines', "hi\thi", "1.000,5"],
    ["Größe?", '日本語 🙂, "so"', ""],
    ["", "\\ and ' and ;", "-2"],
]


def load(path: Path, **settings: str) -> Any:
    return load_rows(DataSettings(path=str(path), **settings)).rows


def expected(rows: list[list[str]]) -> tuple[tuple[Message, Message], ...]:
    return tuple((Message("user", row[0]), Message("assistant", row[1])) for row in rows)


def write(path: Path, encoding: str = "utf-8", first: str = "", **dialect: Any) -> None:
    with path.open("w", encoding=encoding, newline="") as file:
        file.write(first)
        writer = csv.writer(file, **dialect)
        writer.writerows([HEADER, *CELLS])


DIALECTS: dict[str, dict[str, Any]] = {
    "comma": {},
    "semicolon": {"delimiter": ";"},
    "tab": {"delimiter": "\t"},
    "bar": {"delimiter": "|"},
    "unix": {"dialect": "unix"},
    "all quoted": {"delimiter": ";", "quoting": csv.QUOTE_ALL},
    "single quotes": {"quotechar": "'", "quoting": csv.QUOTE_ALL},
    "escaped": {"escapechar": "\\", "doublequote": False, "quoting": csv.QUOTE_ALL},
    "classic Mac": {"lineterminator": "\r"},
    "Excel": {"encoding": "utf-8-sig", "delimiter": ";"},
    "Excel, sep": {"encoding": "utf-8-sig", "delimiter": ";", "first": "sep=;\r\n"},
    "odd sign said": {"delimiter": "^", "first": "sep=^\n"},
    "UTF-16": {"encoding": "utf-16", "delimiter": "\t"},
    "UTF-16 without mark": {"encoding": "utf-16-le", "delimiter": "\t"},
    "UTF-16 big": {"encoding": "utf-16-be"},
    "UTF-32": {"encoding": "utf-32"},
    "blank lines before": {"first": "\n\n"},
}


@pytest.mark.parametrize("name", DIALECTS)
def test_a_dialect_is_recognised(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write(path, **DIALECTS[name])
    assert load(path) == expected(CELLS)


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_decimal_commas_stay(sign: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write(path, delimiter=sign)
    prices = [row[0].content for row in load(path, prompt_column="price", answer_column="prompt")]
    assert prices == ["3,14", "1.000,5", "", "-2"]


def test_tabs_with_quotation_marks_that_are_text(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text('prompt\tresponse\n"Hi" she said\t"Ho\nA, b; c\td\n')
    assert load(path) == expected([['"Hi" she said', '"Ho'], ["A, b; c", "d"]])


def test_spaces_after_the_separators(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('prompt, response\n"a, b", "c, d"\n')
    assert load(path) == expected([["a, b", "c, d"]])


def test_the_index_of_pandas_and_a_comma_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(",prompt,response\n0,a,b\n1,c,d\n")
    assert load(path) == expected([["a", "b"], ["c", "d"]])
    path.write_text("prompt,response,\na,b,\nc,d,\n")
    assert load(path) == expected([["a", "b"], ["c", "d"]])


def test_a_quoted_cell_longer_than_the_sample(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    article = "A line; with, signs\n" * 10_000
    with path.open("w", newline="") as file:
        csv.writer(file, delimiter=";").writerows([["prompt", "response"], ["a", article]] * 1)
    assert load(path) == expected([["a", article]])


def test_one_column_of_text(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('text\nOne.\n"Two, three."\n')
    assert [row[0].content for row in load(path)] == ["One.", "Two, three."]


REFUSED = {
    "one joined column": ("prompt^response\na^b\n", "line 1: no ',', ';', tab or '|' separates"),
    "colons": ("prompt:response\na:b\n", "line 1: no ',', ';', tab or '|' separates"),
    "two separators": ("a,b;c,d\n1,2;3,4\n", "line 1: its cells could be separated by"),
    "no header": ("1,What is it?,A thing\n2,And this?,Another\n", "'1' looks like a row"),
    "sentences": (
        "A river is a large stream.,b\nA sea.,d\n",
        "looks like a row, not like the name",
    ),
    "twice": ("prompt,response,prompt\na,b,c\n", "line 1: two columns are called 'prompt'"),
    "too few cells": ("prompt;response\na;b\nc\n", "line 3: 1 cells, but the header names 2"),
    "a comma in a text": ("text\nOne, two.\n", "line 2: 2 cells, but the header names 1"),
    "open": ('prompt,response\na,b\nc,"d\ne,f\n', "line 3: not valid CSV"),
    "Windows": ("prompt,response\na,Größe\n", "line 2, character 5: not UTF-8 text (the byte F6"),
    "NUL": ("prompt,response\na,b\0c\n", "line 2, character 4: a NUL"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_clear_is_refused(name: str, tmp_path: Path) -> None:
    content, message = REFUSED[name]
    path = tmp_path / "rows.csv"
    path.write_text(content, "cp1252" if name == "Windows" else "utf-8")
    with pytest.raises(UserError) as caught:
        load(path)
    assert caught.value.message.startswith("rows.csv, line ")
    assert message in caught.value.message
    assert caught.value.hint


def test_said_separators_mend_what_was_not_clear(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("sep=;\nprompt,x;response,y\n1,2;3,4\n")
    rows = load(path, prompt_column="prompt,x", answer_column="response,y")
    assert rows == expected([["1,2", "3,4"]])


def test_places_count_the_line_that_names_the_separator(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('sep=;\nprompt;response\n"a\nb";c\nd\n')
    with pytest.raises(UserError, match=r"a\.csv, line 5: 1 cells"):
        load(path)


def test_a_cell_that_is_never_closed_ends_at_the_longest_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.data.readers.csv_file.LONGEST_ROW", 10_000)
    path = tmp_path / "a.csv"
    path.write_text('prompt,response\na,b\nc,"d\n' + "more of it\n" * 100_000)
    with pytest.raises(UserError, match=r"line 3: not valid CSV \(a cell longer than 10,000"):
        load(path)
