"""The files that `data.path` means: one, those of a folder, or those that fit a pattern."""

import difflib
import errno
import fnmatch
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from core.data.folders import MOST_FILES, files_of_folder, of_one_kind
from core.data.readers import Record, reader_for, said, shown
from core.errors import UserError
from core.paths import resources_dir

STARTER = "starter"
ALWAYS = 'Check data.path; "starter" always works.'
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_HINTS = {
    errno.EACCES: "Check its permissions.",
    errno.EPERM: "Check its permissions.",
    errno.ENOENT: "It was removed or renamed meanwhile; choose it again.",
    errno.ELOOP: "Its links lead in a circle; choose the file itself.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
}
_NOT_THERE = {errno.ENOENT, errno.ENOTDIR, errno.EINVAL}  # the last: a pattern, on Windows
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)://|file:", re.IGNORECASE)
_MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Source:
    """What a data set is read from.

    Attributes:
        path: What was named, as it is shown.
        files: The files, all of one format, in the order in which they are read.
    """

    path: Path
    files: tuple[Path, ...]

    @property
    def name(self) -> str:
        """The name of the file, the folder or the pattern, for messages."""
        return shown(self.path)

    def records(self) -> Iterator[Record]:
        """Yield the rows of all files; with several, places begin with the name of the file.

        Raises:
            UserError: A file cannot be read, or is broken; the message names the place.
        """
        for file in self.files:
            with _readable(file):
                records = reader_for(file).read(file)
                if len(self.files) == 1:
                    yield from records
                for record in records:
                    yield Record(f"{shown(file)}, {record.place}", record.values)

    def identity(self) -> tuple[tuple[str, int, int], ...]:
        """Return what changes with any of the files: their paths, sizes and times.

        Raises:
            UserError: One of them is gone.
        """
        found = []
        for file in self.files:
            with _readable(file):
                status = file.stat()
                found.append((str(file), status.st_size, status.st_mtime_ns))
        return tuple(found)


def find_source(path: str) -> Source:
    """Return what `data.path` means.

    Raises:
        UserError: There is nothing, or nothing that can be read as data.
    """
    if path == STARTER:
        file = resources_dir() / "data" / "wordnet_definitions.jsonl"
        return Source(file, (file,))
    named = _named(path)
    try:
        mode = named.stat().st_mode
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None) not in _NOT_THERE:
            raise _refused(named, error) from None
        return Source(named, _matching(named))
    if stat.S_ISDIR(mode):
        with _readable(named):
            return Source(named, files_of_folder(named))
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "no file")
        raise UserError(f"{said(named)} is {kind}.", "Choose a file with rows, or a folder.")
    return Source(named, (named,))


def is_pattern(path: Path) -> bool:
    """Tell whether a path that does not exist stands for files of an existing folder."""
    return bool(_MAGIC.search(path.name)) and path.parent.is_dir() and not path.is_symlink()


def _named(path: str) -> Path:
    """Return the path that was written.

    Raises:
        UserError: It is a URL, or no path of this system.
    """
    url = _URL.match(path)
    if url and (url["scheme"] or "file").lower() == "file":
        raise UserError(f"{path!r:.200} is a URL.", "Write the path of the file alone.")
    if url:
        raise UserError(f"{path!r:.200} is a URL.", "Download the file, and choose it then.")
    try:
        path.encode()
        return Path(path).expanduser()
    except UnicodeEncodeError:
        message = f"The name {path!r:.200} is not valid text."
        raise UserError(message, "Give the file another name.") from None
    except RuntimeError:
        message = f"There is no home folder {Path(path).parts[0]!r:.200}."
        raise UserError(message, "Write the whole path.") from None


def _matching(pattern: Path) -> tuple[Path, ...]:
    """Return the files that a pattern such as `rows-*.jsonl` means, in the order of their names.

    Only the name is a pattern, not the folder: that would walk whole disks.

    Raises:
        UserError: It is no pattern, or nothing fits it.
    """
    if not is_pattern(pattern):
        raise _missing(pattern)
    with _readable(pattern.parent), os.scandir(pattern.parent) as entries:
        names = fnmatch.filter((entry.name for entry in entries), pattern.name)
    fitting = (pattern.parent / name for name in sorted(names) if not name.startswith("."))
    files = [file for file in fitting if file.is_symlink() or file.is_file()]
    if len(files) > MOST_FILES:
        raise UserError(f"More than {MOST_FILES:,} files fit {said(pattern)}.", "Narrow it down.")
    if not files:
        raise UserError(f"No file fits {said(pattern)}.", ALWAYS)
    return of_one_kind(files, pattern)


def _missing(path: Path) -> UserError:
    if path.is_symlink():
        message = f"{said(path)} is a link to {said(path.readlink())}, which is not there."
        return UserError(message, "Mend the link, or choose the file itself.")
    return UserError(f"There is no file {said(path)}.", _nearest(path) or ALWAYS)


def _nearest(path: Path) -> str:
    """Return a hint that names what may be meant, "" where nothing is like it."""
    text = str(path)
    if len(text) > 2 and text[0] == text[-1] and text[0] in "\"'":
        return "Leave the quotation marks out."
    with suppress(OSError), os.scandir(path.parent) as entries:
        names = [entry.name for entry in islice(entries, MOST_FILES)]
        near = difflib.get_close_matches(path.name, names, n=1, cutoff=0.8)
        return f"Did you mean {shown(Path(near[0]))!r}?" if near else ""
    return f"There is no folder {said(path.parent)} either."


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what the system says about a file into words."""
    try:
        yield
    except OSError as error:
        raise _refused(path, error) from None


def _refused(path: Path, error: OSError | ValueError) -> UserError:
    """Return what the system says about a path, with a hint that fits it."""
    if not isinstance(error, OSError):
        return UserError(f"{said(path)} is no path.", "Write it without the NUL.")
    hint = _HINTS.get(error.errno or 0, "Check the disk that it lies on, or copy it elsewhere.")
    return UserError(f"{said(path)} cannot be read: {error.strerror or error}.", hint)
