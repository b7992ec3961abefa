"""How the C library of Linux keeps the memory of a process that trains on its processor.

torch asks for tensors at addresses that are multiples of 64. For that glibc takes a block that is
up to 96 bytes larger, cuts the ends off and keeps them for the next small object. Once one lies
there, another tensor of the same size no longer fits where the last one lay, and goes elsewhere: a
step over 1,024 tokens took half as much again as its tensors. So the ends are not kept in lists of
their own (`tcache_count`, `mxfast`): they grow together with the tensor between them when that is
freed. And what a step leaves free on top of the heap stays for the next step (`trim_threshold`)
instead of going back to the system and coming again, page by page, filled with zeros.

The library reads this when a process starts, from its environment. Other C libraries have no such
settings, and pass the variable by.
"""

import ctypes
import os
import sys
from collections.abc import Mapping

VARIABLE = "GLIBC_TUNABLES"
_FIRST = "glibc.malloc.tcache_count"
_SETTINGS = {
    _FIRST: 0,
    "glibc.malloc.mxfast": 0,
    "glibc.malloc.mmap_threshold": 32 * 2**20,  # bytes: the most that glibc grows it to by itself
    "glibc.malloc.trim_threshold": 2**40,  # bytes: never
}


def with_tidy_heap(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a process that will train; what the user has set stays."""
    given = [setting for setting in environment.get(VARIABLE, "").split(":") if setting]
    named = {setting.partition("=")[0] for setting in given}
    ours = [f"{name}={value}" for name, value in _SETTINGS.items() if name not in named]
    return {**environment, VARIABLE: ":".join([*ours, *given])}


def tidy_own_heap() -> None:
    """Start this process again, once, with these settings; where there is no glibc do nothing.

    The first of them tells a process that has them: glibc takes the variable apart where it lies.
    """
    if has_glibc() and sys.executable and _FIRST not in os.environ.get(VARIABLE, ""):
        wanted = with_tidy_heap(os.environ)
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], wanted)


def give_back_heap() -> None:
    """Give all free pages of the heap to the system, such as at the end of a run."""
    if has_glibc():
        ctypes.CDLL(None).malloc_trim(0)


def has_glibc() -> bool:
    """Tell whether the C library of this process is glibc; musl, macOS and Windows have others."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") is not None
    except (AttributeError, ValueError, OSError):
        return False
