"""Columns are recognised by whole names and by values, or named in the settings."""

import json
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

import pytest

from core.data.rows import load_rows
from core.data.table import Message, RowTable
from core.errors import UserError
from core.settings import DataSettings

U, A, S = "user", "assistant", "system"
Write = Callable[..., Path]


def load(path: Path, **settings: Any) -> RowTable:
    return load_rows(DataSettings(path=str(path), **settings))


CHAT = [{"role": S, "content": "Be short."}, {"role": U, "content": "Hi"}]
SHARED = [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Ho"}]
FORMATS: dict[str, tuple[dict[str, Any], str, list[tuple[str, str]]]] = {
    "messages": ({"messages": CHAT, "id": 1}, "chat", [(S, "Be short."), (U, "Hi")]),
    "any chat": ({"talk": CHAT, "id": 1}, "chat", [(S, "Be short."), (U, "Hi")]),
    "sharegpt": ({"conversations": SHARED}, "sharegpt", [(U, "Hi"), (A, "Ho")]),
    "alpaca": (
        {"instruction": "Add.", "input": "1+1", "output": "2"},
        "alpaca",
        [(U, "Add.\n\n1+1"), (A, "2")],
    ),
    "empty input": (
        {"instruction": "Add.", "input": "", "output": "2"},
        "alpaca",
        [(U, "Add."), (A, "2")],
    ),
    "no input": (
        {"instruction": "Add.", "input": None, "output": "2"},
        "alpaca",
        [(U, "Add."), (A, "2")],
    ),
    "completion": ({"prompt": "a", "completion": "b"}, "prompt-answer", [(U, "a"), (A, "b")]),
    "response": ({"prompt": "a", "response": "b"}, "prompt-answer", [(U, "a"), (A, "b")]),
    "answer": ({"Question": "a", "Answer": "b"}, "prompt-answer", [(U, "a"), (A, "b")]),
    "input only": ({"input": "a", "output": "b"}, "prompt-answer", [(U, "a"), (A, "b")]),
    "system": (
        {"system": "s", "question": "a", "response": "b"},
        "prompt-answer",
        [(S, "s"), (U, "a"), (A, "b")],
    ),
    "context": (
        {"context": "The text.", "question": "a", "answer": "b"},
        "alpaca",
        [(U, "a\n\nThe text."), (A, "b")],
    ),
    "text": ({"text": "All of it.", "source": "x"}, "text", [("text", "All of it.")]),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_recognised(name: str, write_rows: Write) -> None:
    row, expected_format, expected = FORMATS[name]
    table = load(write_rows(row, row))
    assert table.format == expected_format
    assert table.rows == (tuple(Message(*pair) for pair in expected),) * 2
    assert set(table.roles) == set(row)


def test_columns_that_are_not_used_say_so(write_rows: Write) -> None:
    table = load(
        write_rows({"prompt": "a", "response": "b"}, {"id": 7, "prompt": "", "response": ""})
    )
    assert table.roles == {"prompt": "prompt", "response": "answer", "id": "unused"}


def test_named_columns_win(write_rows: Write) -> None:
    path = write_rows({"frage": "a", "antwort": "b", "prompt": "no", "response": "no"})
    table = load(path, prompt_column="frage", answer_column="antwort")
    assert table.rows == ((Message(U, "a"), Message(A, "b")),)
    assert table.roles["prompt"] == "unused"


def test_one_named_column_is_completed(write_rows: Write) -> None:
    table = load(write_rows({"prompt": "a", "antwort": "b"}), answer_column="antwort")
    assert table.rows == ((Message(U, "a"), Message(A, "b")),)
    table = load(write_rows({"body": "all"}), answer_column="body")
    assert table.format == "text"


def test_a_chat_column_can_be_named(write_rows: Write) -> None:
    row = {"first": SHARED, "second": SHARED[:1]}
    with pytest.raises(UserError, match="Several columns hold chats"):
        load(write_rows(row))
    assert len(load(write_rows(row), answer_column="first").rows[0]) == 2


def test_unknown_columns_are_listed(write_rows: Write) -> None:
    with pytest.raises(UserError, match="'frage', 'antwort'") as caught:
        load(write_rows({"frage": "a", "antwort": "b"}))
    assert "data.prompt_column" in caught.value.hint


def test_a_part_of_a_name_is_never_enough(write_rows: Write) -> None:
    with pytest.raises(UserError, match="No question and answer"):
        load(write_rows({"context": "a", "subtext": "b", "answers": "c"}))


def test_two_possible_answers_are_not_guessed(write_rows: Write) -> None:
    with pytest.raises(
        UserError, match="More than one column could be meant: 'response', 'answer'"
    ):
        load(write_rows({"prompt": "a", "answer": "b", "response": "c"}))


def test_a_missing_column_names_the_nearest(write_rows: Write) -> None:
    with pytest.raises(UserError, match="no column called 'antwrot'") as caught:
        load(write_rows({"frage": "a", "antwort": "b"}), answer_column="antwrot")
    assert "Did you mean 'antwort'?" in caught.value.hint
    assert "'frage'" in caught.value.hint


GOOD_ROW = {"prompt": "a", "response": "b"}
GOOD_CHAT = {"messages": CHAT}
WRONG: dict[str, tuple[dict[str, Any], Any, str]] = {
    "number": (GOOD_ROW, {"prompt": "a", "response": 5}, "'response': is a number"),
    "list": (GOOD_ROW, {"prompt": ["a"], "response": "b"}, "'prompt': is a list"),
    "null": (GOOD_ROW, {"prompt": "a", "response": None}, "'response': is nothing (null)"),
    "gone": (GOOD_ROW, {"prompt": "a"}, "'response': is missing"),
    "no chat": (GOOD_CHAT, {"messages": "hi"}, "'messages': is text, but must be a list"),
    "empty chat": (GOOD_CHAT, {"messages": []}, "'messages': is empty"),
    "no turn": (GOOD_CHAT, {"messages": [*CHAT, "hi"]}, "'messages[2]': names no speaker"),
    "no words": (GOOD_CHAT, {"messages": [{"role": "user"}]}, "'messages[0].content': is nothing"),
    "speaker": (
        GOOD_CHAT,
        {"messages": [{"role": "robot", "content": ""}]},
        "'messages[0].role': is 'robot'",
    ),
    "odd speaker": (
        GOOD_CHAT,
        {"messages": [{"role": ["x"], "content": ""}]},
        "'messages[0].role': is ['x']",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_named_with_row_and_column(name: str, write_rows: Write) -> None:
    good, wrong, message = WRONG[name]
    with pytest.raises(UserError) as caught:
        load(write_rows(good, good, wrong))
    assert f"data.jsonl, line 3, column {message}" in caught.value.message
    assert caught.value.hint


def test_rows_without_lines_are_counted_from_zero(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([GOOD_ROW, {"prompt": 1, "response": ""}]))
    with pytest.raises(UserError, match=r"row 1 \(counted from 0\), column 'prompt': is a number"):
        load(path)


def test_half_a_surrogate_pair_is_replaced_and_told(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    good = '{"prompt": "\\ud83d\\ude42", "response": "nul\\u0000"}\n'
    path.write_text(good + '{"prompt": "x\\ud83dy", "response": "b"}\n')
    table = load(path)
    assert table.rows[0] == (Message(U, "🙂"), Message(A, "nul\0"))
    assert table.rows[1][0].content == "x�y"
    assert "1 row holds broken characters" in table.warnings[0]


def test_the_starter_data_loads_fast() -> None:
    start = process_time()
    table = load_rows(DataSettings())
    seconds = process_time() - start
    assert len(table) == 3000
    assert {len(row) for row in table.rows} == {2}
    assert seconds < 1.0
    licence = Path(table.path).with_name("WORDNET_LICENSE.txt")
    assert "Princeton" in licence.read_text()


@pytest.mark.parametrize("mark", [{"weight": 0}, {"train": False}, {"loss": False}])
def test_an_answer_that_is_not_to_be_learned_is_refused(
    mark: dict[str, Any], write_rows: Callable[..., Path]
) -> None:
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "bad"} | mark]
    path = write_rows({"messages": turns})
    with pytest.raises(UserError, match="not to be learned"):
        load_rows(DataSettings(path=str(path)))
    turns[1] |= dict.fromkeys(mark, 1)
    assert len(load_rows(DataSettings(path=str(write_rows({"messages": turns}))))) == 1


def test_a_column_that_comes_late_is_named(write_rows: Callable[..., Path]) -> None:
    rows = [{"instruction": f"q{i}", "output": f"a{i}"} for i in range(150)]
    rows += [{"instruction": "q", "output": "a", "input": "never read"}]
    table = load_rows(DataSettings(path=str(write_rows(*rows))))
    assert len(table) == 151
    [warning] = table.warnings
    assert "'input' first appears at line 151" in warning
