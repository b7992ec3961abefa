"""The data files of a folder: of one format, of one split, and none of them missing.

What would mix what does not belong together (training and test rows, two formats, the shards that
happen to be there) is refused with the pattern that says what is meant.
"""

import json
import os
import re
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from core.data.readers import READERS, reader_for, said, shown
from core.data.readers.packed import without_ending
from core.errors import UserError

MOST_FILES = 10_000
SPLITS = {
    "train": "train",
    "training": "train",
    "valid": "validation",
    "validation": "validation",
    "val": "validation",
    "dev": "validation",
    "eval": "validation",
    "test": "test",
    "testing": "test",
}
ABOUT = {"readme", "license", "licence", "notice", "changelog", "citation", "requirements"}
"""Names, without ending, of files that speak about the data beside them."""
ABOUT_DATASETS = {"dataset_info", "dataset_infos", "dataset_dict", "state"}
_CACHE = re.compile(r"(cache|tmp)[-_]?[0-9a-z_]*\.arrow")
_SHARD = re.compile(r"(?P<set>.*?)[-_.]?(?P<number>\d+)-of-(?P<count>\d+)")
_WORD = re.compile(r"[A-Za-z]+")


def files_of_folder(folder: Path) -> tuple[Path, ...]:
    """Return the data files in a folder, or those of a data set that `datasets` saved there.

    Raises:
        UserError: There is none, or they do not belong together.
        OSError: The folder cannot be read.
    """
    saved = _description(folder / "state.json").get("_data_files")
    if isinstance(saved, list):
        return _saved_files(folder, saved)
    splits = _description(folder / "dataset_dict.json").get("splits")
    if isinstance(splits, list) and splits:
        return files_of_folder(_only_split(folder, [str(name) for name in splits]))
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in islice(entries, MOST_FILES) if _is_data(entry))
        more = next(entries, None) is not None
    if more:
        raise UserError(
            f"{said(folder)} holds more than {MOST_FILES:,} files.", "Name one of them."
        )
    if not names:
        raise _nothing(folder)
    files = of_one_kind([folder / name for name in names], folder)
    _check_splits(folder, names)
    _check_shards(folder, names)
    return files


def _only_split(folder: Path, names: list[str]) -> Path:
    """Return the folder of a split, which must be the only one, and lie inside.

    Raises:
        UserError: There are several.
    """
    place = folder / names[0]
    inside = place.resolve().parent == folder.resolve()
    if len(names) > 1 or not inside or not place.is_dir():
        raise _several_splits(folder, [said(folder / name) for name in names])
    return place


def of_one_kind(files: Sequence[Path], place: Path) -> tuple[Path, ...]:
    """Return the files, which must be of one format.

    Raises:
        UserError: They are not.
    """
    example = {reader_for(file): file for file in reversed(files)}
    if len(example) > 1:
        names = ", ".join(sorted(shown(file) for file in example.values()))
        suffix = without_ending(files[0]).suffix
        folder = place if place.is_dir() else files[0].parent
        hint = f"Say which with a pattern, such as {said(folder / ('*' + suffix))}"
        raise UserError(f"{said(place)} holds files of several formats: {names}.", hint)
    return tuple(files)


def _is_data(entry: "os.DirEntry[str]") -> bool:
    """Tell by its name; a link that leads nowhere counts, so that reading says what is missing."""
    name, stem = entry.name, entry.name.split(".")[0].lower()
    about = stem in ABOUT or (stem in ABOUT_DATASETS and name.lower().endswith(".json"))
    suffix = without_ending(Path(name)).suffix.lower()
    known = any(suffix in READERS[kind].suffixes for kind in READERS)
    if not known or about or name.startswith((".", "_")) or _CACHE.fullmatch(name):
        return False
    try:
        return stat.S_ISREG(entry.stat().st_mode)
    except OSError:
        return True


def _description(file: Path) -> dict[str, Any]:
    """Return what `datasets` wrote about a data set, {} where it wrote nothing."""
    try:
        content = json.loads(file.read_bytes()[: 1 << 24]) if file.is_file() else {}
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _saved_files(folder: Path, saved: list[Any]) -> tuple[Path, ...]:
    """Return the files in the order in which `datasets` names them; none outside the folder.

    Raises:
        UserError: They are not there, or not named as it names them.
    """
    names = [str(file.get("filename")) for file in saved if isinstance(file, dict)]
    if not names or any(Path(name).name != name for name in names):
        hint = "Save the data set again, or name its .arrow files with a pattern."
        raise UserError(f"{said(folder / 'state.json')} does not say what belongs to it.", hint)
    missing = next((name for name in names if not (folder / name).is_file()), None)
    if missing is not None:
        hint = "Copy the folder again, with all of its files."
        raise UserError(f"{said(folder)} lacks {shown(folder / missing)}.", hint)
    return tuple(folder / name for name in names)


def _nothing(folder: Path) -> UserError:
    """Return the error for a folder without data, naming one below it that has some."""
    hint = f"Known endings: {', '.join(sorted(s for k in READERS for s in READERS[k].suffixes))}."
    with os.scandir(folder) as entries:
        below = sorted(entry.path for entry in islice(entries, MOST_FILES) if entry.is_dir())
    for place in below[:20]:
        with suppress(OSError), os.scandir(place) as entries:
            if any(map(_is_data, islice(entries, MOST_FILES))):
                hint = f"The folder {said(Path(place))} does: choose that."
                break
    return UserError(f"{said(folder)} holds no data files.", hint)


def _check_splits(folder: Path, names: Iterable[str]) -> None:
    """Refuse files to learn from beside files to test with; what names no split is learned from.

    Raises:
        UserError: There are both.
    """
    split_of: dict[str, str] = {}
    for name in names:
        words = [word for word in _WORD.findall(name.split(".")[0]) if word.lower() in SPLITS]
        word = words[0] if words else ""
        suffix = without_ending(Path(name)).suffix
        pattern = f"{'' if name.startswith(word) else '*'}{word}*{suffix}" if word else name
        split_of.setdefault(SPLITS.get(word.lower(), "train"), pattern)
    if len(split_of) > 1:
        raise _several_splits(folder, [said(folder / pattern) for pattern in split_of.values()])


def _several_splits(folder: Path, choices: list[str]) -> UserError:
    shown_choices = " or ".join(choices[:5])
    return UserError(
        f"{said(folder)} holds several splits of a data set.", f"Choose {shown_choices}"
    )


def _check_shards(folder: Path, names: Iterable[str]) -> None:
    """Refuse a folder in which a part is missing, or parts of two versions lie.

    Raises:
        UserError: It is so.
    """
    found: dict[str, dict[int, set[int]]] = {}
    for name in names:
        match = _SHARD.fullmatch(name.split(".")[0])
        if match:
            counts = found.setdefault(match["set"], {})
            counts.setdefault(int(match["count"]), set()).add(int(match["number"]))
    for counts in found.values():
        if len(counts) > 1:
            listed = " and ".join(str(count) for count in sorted(counts))
            hint = "Remove those of the old version."
            raise UserError(f"{said(folder)} holds parts of sets of {listed}.", hint)
        for count, numbers in counts.items():
            first = min(numbers | {1})
            missing = sorted(set(range(first, first + min(count, MOST_FILES))) - numbers)
            if missing:
                message = f"{said(folder)} lacks part {missing[0]} of {count}"
                hint = "Copy or download it, or name the parts with a pattern."
                raise UserError(f"{message}.", hint)
