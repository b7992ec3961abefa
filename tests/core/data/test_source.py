"""A file, a folder or a pattern: which files are read, in which order, and what is refused."""

import gzip
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from core.data.desk import DataDesk
from core.data.rows import load_rows
from core.data.source import find_source
from core.errors import UserError
from core.ranks.evidence_shelf import data_identity
from core.settings import DataSettings


def line(text: str) -> str:
    return json.dumps({"prompt": text, "response": text}) + "\n"


def prompts(path: Path) -> list[str]:
    return [row[0].content for row in load_rows(DataSettings(path=str(path))).rows]


def refusal(path: Path | str) -> UserError:
    with pytest.raises(UserError) as caught:
        load_rows(DataSettings(path=str(path)))
    return caught.value


def write_arrow(path: Path, *texts: str) -> None:
    table = pyarrow.Table.from_pylist([{"prompt": text, "response": text} for text in texts])
    with pyarrow.ipc.new_stream(str(path), table.schema) as writer:
        writer.write_table(table)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three parts, packed and not, beside what is no data."""
    place = tmp_path / "data"
    place.mkdir()
    (place / "part-1.jsonl").write_text(line("b") + "\n")
    (place / "part-0.jsonl").write_text(line("a"))
    (place / "part-2.jsonl.gz").write_bytes(gzip.compress((line("c") + line("d")).encode()))
    (place / "README.md").write_text("About the data.")
    (place / "dataset_info.json").write_text("{}")
    (place / ".hidden.jsonl").write_text(line("no"))
    (place / "_SUCCESS").touch()
    (place / "below.jsonl").mkdir()
    return place


def test_a_folder_is_read_in_the_order_of_names(folder: Path) -> None:
    table = load_rows(DataSettings(path=str(folder)))
    assert [row[0].content for row in table.rows] == ["a", "b", "c", "d"]
    assert table.path == str(folder)


def test_a_pattern_says_which_files(folder: Path) -> None:
    assert prompts(folder / "part-[01].jsonl") == ["a", "b"]
    assert prompts(folder / "*.gz") == ["c", "d"]
    assert refusal(folder / "*.csv").message.startswith("No file fits")


def test_a_name_that_looks_like_a_pattern_is_a_name(tmp_path: Path) -> None:
    (tmp_path / "a[1].jsonl").write_text(line("bracket"))
    (tmp_path / "a1.jsonl").write_text(line("one"))
    assert prompts(tmp_path / "a[1].jsonl") == ["bracket"]


def test_a_broken_row_names_its_file(folder: Path) -> None:
    (folder / "part-1.jsonl").write_text(line("b") + '{"prompt": 1, "response": ""}\n')
    found = refusal(folder)
    assert "data, part-1.jsonl, line 2, column 'prompt': is a number" in found.message
    (folder / "part-1.jsonl").write_text(line("b") + "{")
    assert "part-1.jsonl, line 2, character 2" in refusal(folder).message


def test_formats_do_not_mix(folder: Path) -> None:
    (folder / "more.csv").write_text("prompt,response\na,b\n")
    found = refusal(folder)
    assert "several formats: more.csv, part-0.jsonl" in found.message
    assert prompts(folder / "*.csv") == ["a"]
    assert str(folder / "*.") in found.hint


def test_splits_do_not_mix(tmp_path: Path) -> None:
    for name in ("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001"):
        parquet.write_table(
            pyarrow.Table.from_pylist([{"prompt": name, "response": ""}]),
            tmp_path / f"{name}.parquet",
        )
    found = refusal(tmp_path)
    assert "several splits" in found.message
    assert f"{tmp_path}/train*.parquet" in found.hint
    assert len(prompts(tmp_path / "train*.parquet")) == 2


@pytest.mark.parametrize(
    "names", [["latest.jsonl", "contest.jsonl"], ["train.jsonl", "more.jsonl"]]
)
def test_whole_words_make_a_split(names: list[str], tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).write_text(line(name))
    assert prompts(tmp_path) == sorted(names)


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    for number in (0, 2):
        (tmp_path / f"rows-{number:05}-of-00003.jsonl").write_text(line(str(number)))
    assert "lacks part 1 of 3" in refusal(tmp_path).message
    (tmp_path / "rows-00001-of-00003.jsonl").write_text(line("1"))
    assert prompts(tmp_path) == ["0", "1", "2"]
    (tmp_path / "rows-00000-of-00002.jsonl").write_text(line("old"))
    assert "parts of sets of 2 and 3" in refusal(tmp_path).message


def test_a_data_set_as_datasets_saves_it(tmp_path: Path) -> None:
    """The order is that of its list, and what it cached beside is no data."""
    write_arrow(tmp_path / "data-00000-of-00002.arrow", "a")
    write_arrow(tmp_path / "data-00001-of-00002.arrow", "b")
    write_arrow(tmp_path / "cache-1f.arrow", "old")
    assert prompts(tmp_path) == ["a", "b"]
    names = ["data-00001-of-00002.arrow", "data-00000-of-00002.arrow"]
    state = {"_data_files": [{"filename": name} for name in names], "_split": None}
    (tmp_path / "state.json").write_text(json.dumps(state))
    (tmp_path / "dataset_info.json").write_text("{}")
    assert prompts(tmp_path) == ["b", "a"]
    (tmp_path / names[0]).unlink()
    assert f"lacks {names[0]}" in refusal(tmp_path).message


@pytest.mark.parametrize("name", ["../secret.arrow", "/etc/passwd", "a/b.arrow", "..", "", 5])
def test_a_saved_data_set_reads_nothing_outside_its_folder(name: object, tmp_path: Path) -> None:
    write_arrow(tmp_path / "secret.arrow", "secret")
    inside = tmp_path / "data"
    inside.mkdir()
    (inside / "state.json").write_text(json.dumps({"_data_files": [{"filename": name}]}))
    message = refusal(inside).message
    assert "does not say what belongs to it" in message or f"{inside} lacks " in message


def test_a_data_set_of_several_splits(tmp_path: Path) -> None:
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    (tmp_path / "train").mkdir()
    write_arrow(tmp_path / "train" / "data-00000-of-00001.arrow", "a")
    assert refusal(tmp_path).hint == f"Choose {tmp_path}/train or {tmp_path}/test"
    assert prompts(tmp_path / "train") == ["a"]
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["train"]}')
    assert prompts(tmp_path) == ["a"]
    for name in ("..", "../train", "/", "."):
        (tmp_path / "dataset_dict.json").write_text(json.dumps({"splits": [name]}))
        assert "several splits" in refusal(tmp_path).message


def test_real_data_sets_of_datasets(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    rows = [{"prompt": str(i), "response": "x"} for i in range(20)]
    datasets.Dataset.from_list(rows).save_to_disk(tmp_path / "one", num_shards=3)
    assert prompts(tmp_path / "one") == [str(i) for i in range(20)]


def test_a_folder_without_data_names_one_that_has_some(tmp_path: Path) -> None:
    assert "holds no data files" in refusal(tmp_path).message
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.jsonl").write_text(line("a"))
    (tmp_path / "empty").mkdir()
    assert refusal(tmp_path).hint == f"The folder {tmp_path / 'data'} does: choose that."


def touch_one(place: Path) -> None:
    os.utime(place / "part-1.jsonl", ns=(1, 1))


def add_one(place: Path) -> None:
    (place / "part-3.jsonl").write_text(line("e"))


def grow_one(place: Path) -> None:
    status = (place / "part-0.jsonl").stat()
    with (place / "part-0.jsonl").open("a") as file:
        file.write(line("more"))
    os.utime(place / "part-0.jsonl", ns=(status.st_atime_ns, status.st_mtime_ns))


def rename_one(place: Path) -> None:
    (place / "part-1.jsonl").rename(place / "part-9.jsonl")


def remove_one(place: Path) -> None:
    (place / "part-1.jsonl").unlink()


@pytest.mark.parametrize("change", [touch_one, add_one, grow_one, rename_one, remove_one])
def test_a_change_of_any_file_changes_the_identity(
    change: Callable[[Path], None], folder: Path
) -> None:
    desk, settings = DataDesk(), DataSettings(path=str(folder))
    before, reading, kept = (
        find_source(str(folder)).identity(),
        desk.reading(settings),
        data_identity(str(folder)),
    )
    assert find_source(str(folder)).identity() == before
    assert desk.reading(settings) is reading
    change(folder)
    assert find_source(str(folder)).identity() != before
    assert desk.reading(settings) is not reading
    assert data_identity(str(folder)) != kept


def test_a_missing_file_is_told_with_what_may_be_meant(folder: Path) -> None:
    assert refusal(folder / "part-1.jsnl").hint == "Did you mean 'part-1.jsonl'?"
    assert "no folder" in refusal(folder / "nowhere" / "a.jsonl").hint
    assert refusal(f'"{folder}/part-1.jsonl"').hint == "Leave the quotation marks out."


@pytest.mark.skipif(sys.platform == "win32", reason="needs links")
def test_parts_may_be_links(folder: Path, tmp_path: Path) -> None:
    """As in the cache of the hub."""
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "a.jsonl").symlink_to(folder / "part-0.jsonl")
    assert prompts(tmp_path / "linked") == ["a"]
    (tmp_path / "linked" / "b.jsonl").symlink_to(tmp_path / "gone.jsonl")
    assert "b.jsonl cannot be read: No such file" in refusal(tmp_path / "linked").message


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_names_that_are_no_text(tmp_path: Path) -> None:
    """They cannot be chosen alone, but in a folder; a message spells them out."""
    file = tmp_path / os.fsdecode(b"\xff.jsonl")
    file.write_text(line("a"))
    assert prompts(tmp_path) == ["a"]
    file.write_text("{")
    assert refusal(tmp_path).message.startswith("\\udcff.jsonl, line 1, character 2")
    with pytest.raises(UserError, match="not valid text"):
        find_source(str(file))
