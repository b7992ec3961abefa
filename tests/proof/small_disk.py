"""File systems with little room, mounted by a process for itself alone (Linux).

A name space of its own needs no rights, where the system allows it at all.
"""

import ctypes
import os
from pathlib import Path

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_RDONLY, MS_REMOUNT = 1, 32

_libc = ctypes.CDLL(None, use_errno=True)


def enter_a_namespace() -> bool:
    """Let this process mount what only it sees; False where the system does not allow that."""
    user, group = os.getuid(), os.getgid()
    if _libc.unshare(CLONE_NEWUSER | CLONE_NEWNS):
        return False
    try:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    except OSError:
        return False
    return True


def mount_small(place: Path, size_bytes: int) -> None:
    """Mount an empty file system of that size at `place`."""
    _mount(place, 0, f"size={size_bytes}")


def make_read_only(place: Path) -> None:
    """Let nothing be written any more to what `mount_small` mounted there."""
    _mount(place, MS_REMOUNT | MS_RDONLY, "")


def _mount(place: Path, flags: int, options: str) -> None:
    arguments = (b"none", os.fsencode(place), b"tmpfs", flags, options.encode())
    if _libc.mount(arguments[0], arguments[1], arguments[2], flags, arguments[4]):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(place))
