"""Paths that programs stumble over: odd names for every kind of thing that a name can stand for."""

import json
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROW = json.dumps({"prompt": "a", "response": "b"}) + "\n"

STEMS = (
    "plain",
    "two words",
    " spaces at both ends ",
    "it's",
    '"quoted"',
    "`ticks`",
    "line\nbreak",
    "return\r",
    "tab\tstop",
    "bell\a\x1b[31m",
    "emoji 🙂🏽‍🔬",
    "שלום עולם",
    "مرحبا",
    "turned \u202e lnosj",
    "nothing\u200bto see\u2060",
    "nfd Gro\u0308ße",
    "日本語",
    "long " + "x" * 240,
    "-rf",
    "--help",
    "a..b",
    "..hidden",
    "%s %d %n",
    "{0} {name}",
    "$HOME",
    "~",
    "~root",
    "*",
    "?",
    "[1]",
    "[!a-z]*",
    "#fragment?query=1",
    "a&b;c|d>e",
    "back\\slash",
    "C:",
    "CON",
    "NUL",
    "COM1",
    "dot.",
    "x.tar",
    "x.jsonl.gz",
    "null",
    "-",
)
"""Names without ending."""


@dataclass(frozen=True)
class Trick:
    """A path, and what must be said of it.

    Attributes:
        name: What it is, for a report.
        path: What somebody types.
        says: What message or hint must hold; "" where it must be read.
    """

    name: str
    path: str
    says: str


def good(path: Path) -> str:
    path.write_text(ROW)
    return ""


def empty(path: Path) -> str:
    path.touch()
    return "holds no rows"


def broken(path: Path) -> str:
    path.write_text(ROW + "{")
    return "line 2, character 2"


def missing(path: Path) -> str:
    is_pattern = set(path.name) & set("*?[")
    return "No file fits" if is_pattern else "There is no file"


def folder(path: Path) -> str:
    path.mkdir()
    return "holds no data files"


def folder_of_files(path: Path) -> str:
    path.mkdir()
    (path / "a.jsonl").write_text(ROW)
    return ""


def below_a_file(path: Path) -> str:
    """A file where a folder should be; the trick names something in it."""
    path.write_text(ROW)
    return "There is no file"


def dangling(path: Path) -> str:
    path.symlink_to("nowhere\n.jsonl")
    return "is a link to"


def loop(path: Path) -> str:
    path.symlink_to(path.name)
    return "circle"


def link(path: Path) -> str:
    good(path.with_name("target.jsonl"))
    path.symlink_to("target.jsonl")
    return ""


def pipe(path: Path) -> str:
    os.mkfifo(path)
    return "is a pipe"


def sock(path: Path) -> str:
    """Bound by a short name: those of sockets have 100 bytes."""
    before = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("s")
        Path("s").rename(path.name)
    finally:
        os.chdir(before)
    return "is a socket"


def endless(path: Path) -> str:
    path.symlink_to("/dev/zero")
    return "is a device"


def waiting(path: Path) -> str:
    path.symlink_to("/dev/tty")
    return "is a device"


def unreadable(path: Path) -> str:
    good(path)
    path.chmod(0)
    return "permissions"


KINDS: tuple[Callable[[Path], str], ...] = (
    good,
    empty,
    broken,
    missing,
    folder,
    folder_of_files,
    below_a_file,
    dangling,
    loop,
    link,
    pipe,
    sock,
    endless,
    waiting,
    unreadable,
)

TYPED = {
    "": "data.path",
    " ": "There is no file",
    ".": "",
    "./": "",
    "*.jsonl": "",
    "pl?in.*": "",
    "a\0b.jsonl": "NUL",
    "file:///tmp/a.jsonl": "path of the file alone",
    "FILE://host/a.jsonl": "path of the file alone",
    "file:a.jsonl": "path of the file alone",
    "https://example.org/a.jsonl": "Download the file",
    "hf://datasets/a/b": "Download the file",
    "s3://bucket/a.jsonl": "Download the file",
    "~nobody-of-this-name/a.jsonl": "no home folder",
    "~/no such folder/a.jsonl": "no folder",
    "../../../../../../../../etc/passwd": "without an ending",
    "/etc/passwd\0.jsonl": "NUL",
    "/dev/stdin": "is a device",
    "/dev/full": "is a device",
    "/dev/fd/0/x.jsonl": "There is no file",
    "/proc/self/mem": "without an ending",
    "\udcff\udcfe.jsonl": "data.path",
    "x" * 300 + ".jsonl": "shorter name",
    "a/" * 3000 + "a.jsonl": "shorter name",
    "//server/share/a.jsonl": "There is no file",
    "\\\\server\\share\\a.jsonl": "There is no file",
    "C:\\data\\a.jsonl": "There is no file",
    "none*.jsonl": "No file fits",
    "*/a.jsonl": "There is no file",
    "**/*.jsonl": "There is no file",
    "[": "No file fits",
    "tatsu-lab/alpaca": "There is no file",
    "'plain.jsonl'": "quotation marks",
    '"plain.jsonl"': "quotation marks",
    "plain.jsonl\n": "There is no file",
    "plain.jsonl ": "There is no file",
    "plain.jsonl.": "There is no file",
    "plain.jsonl/": "",
    "./plain.jsonl": "",
    "../typed/plain.jsonl": "",
    "PLAIN.JSONL2": "There is no file",
}
"""What somebody may type beside a folder in which only `plain.jsonl` lies below `typed`."""


def tricks(place: Path, count: int) -> Iterator[Trick]:
    """Make so many tricks, one after the other, and those that are only typed at the end.

    Every kind of thing meets ever other names, by turns as a whole path and as one from `place`,
    which must be the present folder.
    """
    for number in range(count - len(TYPED)):
        kind = KINDS[number % len(KINDS)]
        stem = STEMS[(number + number // len(KINDS)) % len(STEMS)]
        own = place / str(number)
        own.mkdir()
        path = own / f"{stem}.jsonl"
        says = kind(path)
        named = path / "x.jsonl" if kind is below_a_file else path
        typed = str(named if number % 2 else named.relative_to(place))
        yield Trick(f"{kind.__name__} {stem!r}", typed, says)
    typed_in = place / "typed"
    typed_in.mkdir()
    os.chdir(typed_in)
    good(typed_in / "plain.jsonl")
    for typed, says in TYPED.items():
        yield Trick(f"typed {typed!r:.60}", typed, says)
