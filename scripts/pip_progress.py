"""pip in one line: what it is doing now, instead of two hundred lines of what it has done."""

import re
import subprocess
import sys
import threading
import time
from pathlib import Path

TELLING = re.compile(
    r"\s*(Collecting|Downloading|Processing|Building|Installing|Preparing|Obtaining)\b.*"
)
WIDTH = 78


class InstallFailed(Exception):
    """pip ended with an error; the text is a sentence and the end of its log."""


class StatusLine:
    """One line of the terminal, written again every second; silent into a pipe."""

    def __init__(self) -> None:
        self.text = "pip starts"
        self._start = time.monotonic()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        if sys.stdout.isatty():
            self._thread.start()

    def _run(self) -> None:
        while not self._done.wait(1.0):
            seconds = f" … {time.monotonic() - self._start:.0f} s"
            line = self.text.strip()[: WIDTH - len(seconds)] + seconds
            print(f"\r{line:<{WIDTH}}", end="", flush=True)
        print(f"\r{'':<{WIDTH}}\r", end="", flush=True)

    def clear(self) -> None:
        """Take the line away."""
        self._done.set()
        if self._thread.is_alive():
            self._thread.join()


def pip_install(python: Path, arguments: list[str], log: Path) -> None:
    """Run `pip install`, with the settings that this machine has for pip, and keep its output.

    Args:
        python: The Python of the environment.
        arguments: What to install, and how.
        log: File that gets everything pip says.

    Raises:
        InstallFailed: pip failed.
    """
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", *arguments]
    status = StatusLine()
    with (
        log.open("a", encoding="utf-8") as file,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as pip,
    ):
        for line in pip.stdout or ():
            file.write(line)
            if TELLING.match(line):
                status.text = line
    status.clear()
    if pip.returncode:
        raise InstallFailed(_in_words(log))


def _in_words(log: Path) -> str:
    lines = log.read_text("utf-8").splitlines()
    errors = [line for line in lines if line.startswith("ERROR")] or lines
    tail = "\n  ".join(errors[-4:])
    return (
        f"pip could not install the packages (all it said is in {log}); "
        f"when the cause is mended, the same command goes on.\n  {tail}"
    )
