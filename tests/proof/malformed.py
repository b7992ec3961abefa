"""A seeded generator of data files that are wrong in ways that files are wrong.

It knows the formats: a row is built, written by another writer than the readers' own, and harmed at
one of three levels, as a value, as text or as bytes. So most of what it makes gets past the first
check of a reader, where random bytes would end.
"""

import csv
import gzip
import io
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow
from pyarrow import ipc, parquet

Row = dict[str, Any]

BIDI = "\u202e\u2066\u200f\u2069"
WORDS = (
    "river",
    "Größe",
    "日本語",
    "🙂",
    "a, b",
    'say "hi"',
    "x;y",
    "tab\tstop",
    "two\nlines",
    BIDI,
    "'",
)
ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    1.5,
    float("nan"),
    float("inf"),
    10**30,
    "",
    " ",
    [],
    {},
    [1, "a", None],
    {"role": "user"},
    "\ud83d",
    "a\0b",
    "=cmd|' /C calc'!A0",
    "\ufeff",
    "\ufffe",
    "x" * 100_000,
    [[[[[[]]]]]],
)


@dataclass(frozen=True)
class Malformed:
    """A file to be written.

    Attributes:
        name: Its name.
        content: Its bytes.
        harm: What was done to it.
        is_cut: Nothing else was done to it than to leave out its end, and its format tells.
    """

    name: str
    content: bytes
    harm: str
    is_cut: bool


def malformed(seed: int) -> Malformed:
    """Return the malformed file of that number."""
    dice = random.Random(seed)
    rows = [shape(dice) for shape in [dice.choice(SHAPES)] for _ in range(dice.randint(1, 40))]
    harms = []
    if dice.random() < 0.5:
        harms.append(harm_a_value(rows, dice))
    ending = dice.choice(tuple(WRITERS))
    content = write(rows, ending, dice)
    if ending in TEXTS and dice.random() < 0.6:
        harm = dice.choice(TEXT_HARMS)
        content = harm(content.decode("utf-8", "surrogatepass"), dice).encode(
            "utf-8", "surrogatepass"
        )
        harms.append(harm.__name__)
    if ending in TEXTS and dice.random() < 0.3:
        packed = dice.choice(tuple(PACKERS))
        content, ending = PACKERS[packed](content), f"{ending}.{packed}"
    whole = len(content)
    if not harms or dice.random() < 0.4:
        byte_harm = dice.choice(BYTE_HARMS)
        content = byte_harm(content, dice)
        harms.append(byte_harm.__name__)
    is_cut = harms == ["cut_bytes"] and len(content) < whole and ending.endswith(ENDS_ARE_TOLD)
    if dice.random() < 0.05:
        harms.append(f"written as {ending}")
        ending = dice.choice(tuple(WRITERS))
    return Malformed(f"{seed}.{ending}", content, ", ".join(harms), is_cut)


# -- rows ---------------------------------------------------------------------------------------


def _text(dice: random.Random) -> str:
    return " ".join(dice.choices(WORDS, k=dice.randint(1, 6)))


def question(dice: random.Random) -> Row:
    return {"prompt": _text(dice), "response": _text(dice)}


def instruction(dice: random.Random) -> Row:
    return {
        "instruction": _text(dice),
        "input": dice.choice(["", _text(dice)]),
        "output": _text(dice),
    }


def chat(dice: random.Random) -> Row:
    turns = [{"role": role, "content": _text(dice)} for role in ("user", "assistant")]
    return {"messages": turns * dice.randint(1, 3)}


def plain(dice: random.Random) -> Row:
    return {"text": _text(dice)}


SHAPES: tuple[Callable[[random.Random], Row], ...] = (question, instruction, chat, plain)


def harm_a_value(rows: list[Row], dice: random.Random) -> str:
    """Change the rows in place as programs that write rows get them wrong; return how."""
    row = dice.choice(rows)
    name = dice.choice(sorted(row))
    what = dice.randrange(6)
    if what == 0:
        del row[name]
    elif what == 1:
        row[f"{name} "] = row.pop(name)
    elif what == 2:
        row[dice.choice(["", "id", "\ud83d", "a\0b", "n" * 300])] = dice.choice(ODD_VALUES)
    elif what == 3:
        rows[rows.index(row)] = dice.choice(SHAPES)(dice)
    elif what == 4 and isinstance(row[name], list):
        dice.choice(row[name])[dice.choice(["role", "content", "from"])] = dice.choice(ODD_VALUES)
    else:
        row[name] = dice.choice(ODD_VALUES)
    return ("no value", "another name", "one more", "another shape", "in a turn", "odd value")[what]


# -- writers ------------------------------------------------------------------------------------


def _lines(rows: list[Row], dice: random.Random) -> bytes:
    as_ascii = dice.random() < 0.5
    lines = (json.dumps(row, ensure_ascii=as_ascii) for row in rows)
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def _list(rows: list[Row], dice: random.Random) -> bytes:
    content = dice.choice([rows, {"data": rows}, {"n": [1], "rows": rows, "end": {}}])
    return json.dumps(content, indent=dice.choice([None, 2])).encode()


def _table(rows: list[Row], dice: random.Random) -> bytes:
    file = io.StringIO()
    columns = list(rows[0])
    writer = csv.writer(
        file, delimiter=dice.choice(",;\t|"), lineterminator=dice.choice(["\n", "\r\n"])
    )
    writer.writerow(columns)
    writer.writerows([row.get(name, "") for name in columns] for row in rows)
    return file.getvalue().encode("utf-8", "surrogatepass")


def _paragraphs(rows: list[Row], dice: random.Random) -> bytes:
    texts = (str(value) for row in rows for value in row.values())
    return "\n\n".join(texts).encode("utf-8", "surrogatepass")


def _arrow_table(rows: list[Row]) -> Any:
    """Return the rows as a table, those without the odd ones if they have no common type."""
    for tried in (rows, rows[:1], [{"text": "a"}]):
        try:
            return pyarrow.Table.from_pylist(tried)
        except (pyarrow.ArrowException, UnicodeEncodeError, OverflowError):
            continue
    raise AssertionError


def _parquet(rows: list[Row], dice: random.Random) -> bytes:
    file = io.BytesIO()
    table = _arrow_table(rows)
    compression = dice.choice(["none", "snappy", "zstd"])
    try:
        parquet.write_table(
            table, file, compression=compression, row_group_size=dice.randint(1, 20)
        )
    except pyarrow.ArrowException:  # structs without fields are not for Parquet
        parquet.write_table(_arrow_table([{"text": "a"}]), file)
    return file.getvalue()


def _stream(rows: list[Row], dice: random.Random) -> bytes:
    return _arrow(rows, dice, ipc.new_stream)


def _arrow(rows: list[Row], dice: random.Random, kind: Callable[..., Any] = ipc.new_file) -> bytes:
    file, table = io.BytesIO(), _arrow_table(rows)
    options = ipc.IpcWriteOptions(compression=dice.choice([None, "lz4", "zstd"]))
    with kind(file, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=dice.randint(1, 20))
    return file.getvalue()


Writer = Callable[[list[Row], random.Random], bytes]
WRITERS: dict[str, Writer] = {
    "jsonl": _lines,
    "json": _list,
    "csv": _table,
    "tsv": _table,
    "txt": _paragraphs,
    "parquet": _parquet,
    "arrow": _stream,
    "feather": _arrow,
}
ENDS_ARE_TOLD = ("gz", "zst", "parquet", "feather")
"""Formats that tell whether their end is there."""
TEXTS = {"jsonl", "json", "csv", "tsv", "txt"}


def write(rows: list[Row], ending: str, dice: random.Random) -> bytes:
    return WRITERS[ending](rows, dice)


def _zstd(content: bytes) -> bytes:
    packed: bytes = pyarrow.compress(content, codec="zstd", asbytes=True)
    return packed


PACKERS: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "zst": _zstd}

# -- harms of text ------------------------------------------------------------------------------


def _insert(text: str, more: str, dice: random.Random) -> str:
    place = dice.randint(0, len(text))
    return text[:place] + more + text[place:]


def odd_sign(text: str, dice: random.Random) -> str:
    signs = (
        "\0",
        "\ufeff",
        "\u2028",
        "\x85",
        "\r",
        "\x1a",
        "\\",
        '"',
        "'",
        "{",
        "}",
        "]",
        ",",
        ";",
        BIDI,
    )
    return _insert(text, dice.choice(signs), dice)


def cut_text(text: str, dice: random.Random) -> str:
    return text[: dice.randint(0, len(text))]


def many_digits(text: str, dice: random.Random) -> str:
    return _insert(text, "9" * dice.choice([400, 5000]), dice)


def no_number(text: str, dice: random.Random) -> str:
    return _insert(text, dice.choice(["NaN", "-Infinity", "1e999", "0x10", "01", "1_000"]), dice)


def twice(text: str, dice: random.Random) -> str:
    """Give an object a name twice, or one that is no text."""
    more = dice.choice(['{"a": 1, "a": 2', "{1: 2", "{null: 2", "{'a': 1"])
    return text.replace("{", more + ", ", 1) if dice.random() < 0.5 else _insert(text, more, dice)


def nested(text: str, dice: random.Random) -> str:
    deep = dice.choice([50, 900, 100_000])
    return _insert(text, dice.choice(["[", '{"a":', '["', "(("]) * deep, dice)


def lines_mixed(text: str, dice: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    dice.shuffle(lines)
    return "".join(lines)


def line_ends(text: str, dice: random.Random) -> str:
    return text.replace("\n", dice.choice(["\r", "\r\n", "\r\r\n", "\n\r", "\n\n\n", "\u2028"]))


def concatenated(text: str, dice: random.Random) -> str:
    return text + dice.choice(["", "\n", "\ufeff"]) + text


TextHarm = Callable[[str, random.Random], str]
TEXT_HARMS: tuple[TextHarm, ...] = (
    odd_sign,
    cut_text,
    many_digits,
    no_number,
    twice,
    nested,
    lines_mixed,
    line_ends,
    concatenated,
)

# -- harms of bytes -----------------------------------------------------------------------------


def flip_bits(content: bytes, dice: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(dice.randint(1, 8)):
        if changed:
            changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def cut_bytes(content: bytes, dice: random.Random) -> bytes:
    return content[: dice.randint(0, len(content))]


def zeros(content: bytes, dice: random.Random) -> bytes:
    start, length = dice.randint(0, len(content)), dice.randint(1, 200)
    return content[:start] + bytes(length) + content[start + length :]


def extremes(content: bytes, dice: random.Random) -> bytes:
    """Write a number that lengths and offsets overflow with."""
    start, size = dice.randint(0, len(content)), dice.choice([4, 8])
    number = dice.choice([2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63, 2**64 - 1]) % 256**size
    return content[:start] + number.to_bytes(size, "little") + content[start + size :]


def no_text(content: bytes, dice: random.Random) -> bytes:
    place = dice.randint(0, len(content))
    more = dice.choice([b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\xf6", b"\xe2\x82", b"\xf8\x88"])
    return content[:place] + more + content[place:]


def marked(content: bytes, dice: random.Random) -> bytes:
    marks = (
        b"\xef\xbb\xbf",
        b"\xef\xbb\xbf" * 2,
        b"\xff\xfe",
        b"\xfe\xff",
        b"\xff\xfe\0\0",
        b"+/v8-",
    )
    return dice.choice(marks) + content


def encoded(content: bytes, dice: random.Random) -> bytes:
    kinds = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "utf-7", "shift-jis")
    return content.decode("utf-8", "replace").encode(dice.choice(kinds), "replace")


def something_before(content: bytes, dice: random.Random) -> bytes:
    heads = (
        b"<!DOCTYPE html><html>",
        b"PK\x03\x04",
        b"%PDF-1.7\n",
        b"version https://git-lfs.github.com/spec/v1\n",
    )
    return dice.choice(heads) + content


def something_after(content: bytes, dice: random.Random) -> bytes:
    return content + dice.choice([b"\0" * 512, b"garbage", content, b"\x1f\x8b", b"\x1a"])


def nothing(content: bytes, dice: random.Random) -> bytes:
    return dice.choice([b"", b"\n", b" ", b"\0", content[:1]])


def noise(content: bytes, dice: random.Random) -> bytes:
    return dice.randbytes(len(content))


ByteHarm = Callable[[bytes, random.Random], bytes]
BYTE_HARMS: tuple[ByteHarm, ...] = (
    flip_bits,
    flip_bits,
    cut_bytes,
    cut_bytes,
    zeros,
    extremes,
    extremes,
    no_text,
    marked,
    encoded,
    something_before,
    something_after,
    nothing,
    noise,
)
