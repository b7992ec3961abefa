"""The settings of the C library's heap, in processes of their own."""

import os
import subprocess
import sys

import pytest

from core.heap import VARIABLE, give_back_heap, has_glibc, with_tidy_heap
from core.training.measure import free_memory

GLIBC_ONLY = pytest.mark.skipif(not has_glibc(), reason="settings of glibc")
START = "import core.heap as heap; heap.tidy_own_heap()"
SHOW = "import os, sys; print(os.environ.get('GLIBC_TUNABLES', ''), os.getpid(), sys.argv[1:])"


def start(code: str, **more: str) -> tuple[str, int]:
    """Return what a fresh process printed, and its pid."""
    environment = {k: v for k, v in os.environ.items() if k != VARIABLE} | more
    command = [sys.executable, "-c", code, "train", "run.toml"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as child:
        return child.communicate(timeout=60)[0], child.pid


@GLIBC_ONLY
def test_a_process_starts_again_once_with_the_same_pid_and_arguments() -> None:
    printed, pid = start(f"{START}; {SHOW}")
    settings, found, arguments = printed.strip().split(" ", 2)
    assert settings == with_tidy_heap({})[VARIABLE]
    assert int(found) == pid
    assert arguments == "['train', 'run.toml']"


@GLIBC_ONLY
def test_one_that_has_them_does_not_start_again() -> None:
    printed, _ = start(f"{START}; {SHOW}", GLIBC_TUNABLES="glibc.malloc.tcache_count=3")
    assert printed.startswith("glibc.malloc.tcache_count=3 ")


def test_what_the_user_has_set_stays() -> None:
    given = "glibc.malloc.mxfast=64:glibc.malloc.arena_max=2"
    made = with_tidy_heap({VARIABLE: given, "HOME": "/"})
    settings = made[VARIABLE].split(":")
    assert made["HOME"] == "/"
    assert settings[0] == "glibc.malloc.tcache_count=0"
    assert {"glibc.malloc.mxfast=64", "glibc.malloc.arena_max=2"} <= set(settings)
    assert len({setting.partition("=")[0] for setting in settings}) == len(settings)
    assert with_tidy_heap(made)[VARIABLE].count("tcache_count") == 1


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_: str) -> str:
        raise ValueError("unrecognized configuration name")

    monkeypatch.setattr(os, "confstr", unknown, raising=False)
    monkeypatch.setattr(os, "execve", lambda *_: pytest.fail("it was started again"))
    assert not has_glibc()
    give_back_heap()
    free_memory()
