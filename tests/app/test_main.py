"""The entry point, in processes of its own."""

import os
import subprocess
import sys

import pytest

LINUX_ONLY = pytest.mark.skipif(sys.platform != "linux", reason="other platforms have a display")


def start(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if "DISPLAY" not in k and "QT" not in k}
    command = [sys.executable, "-m", "app", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


@LINUX_ONLY
def test_without_a_display_it_says_so() -> None:
    ended = start()
    assert ended.returncode == 2
    assert "no display" in ended.stderr
    assert "hint:" in ended.stderr


def test_the_command_line_needs_no_display() -> None:
    ended = start("plan", "--help")
    assert ended.returncode == 0
    assert "--rank" in ended.stdout


@pytest.mark.parametrize("arguments", [("nonsense",), ("train", "no-such-file.toml")])
def test_what_the_user_can_mend_ends_with_two(arguments: tuple[str, ...]) -> None:
    ended = start(*arguments)
    assert ended.returncode == 2
    assert "error:" in ended.stderr
    assert "Traceback" not in ended.stderr
