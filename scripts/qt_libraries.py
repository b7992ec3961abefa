"""Check that Qt finds the libraries of the system, and bring them where that can be done.

Run by the Python of the environment; with `--headless` the plug-in that draws on a screen is not
asked for. Exit code 0: Qt loads; 2: something is missing, and the one
command that mends it has been printed.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

# What libQt6Gui, libQt6DBus and the xcb platform plug-in of PySide6 6.11 are linked against.
DEBIAN_PACKAGES = [
    *("libegl1", "libgl1", "libxkbcommon0", "libxkbcommon-x11-0", "libdbus-1-3"),
    *("libfontconfig1", "libfreetype6", "libglib2.0-0", "libx11-xcb1", "libxcb1"),
    *("libxcb-cursor0", "libxcb-icccm4", "libxcb-image0", "libxcb-keysyms1", "libxcb-randr0"),
    *("libxcb-render0", "libxcb-render-util0", "libxcb-shape0", "libxcb-shm0", "libxcb-sync1"),
    *("libxcb-util1", "libxcb-xfixes0", "libxcb-xkb1"),
]
APT = ["apt-get", "install", "-y", "--no-install-recommends"]


def main() -> int:
    """Check, install as root on Debian and its children, check again."""
    plugin = None if "--headless" in sys.argv else xcb_plugin()
    missing = missing_library(plugin)
    if missing and shutil.which("apt-get") and os.geteuid() == 0:
        print("Installing the libraries of the system that Qt needs (apt-get).", flush=True)
        install()
        missing = missing_library(plugin)
    if not missing:
        return 0
    print(f"Qt does not load ({missing}); {remedy()}", file=sys.stderr)
    return 2


def missing_library(plugin: Path | None) -> str:
    """Return what the loader says about the first missing library, "" if Qt loads.

    Looks in a process of its own: the loader remembers a failure, and a broken graphics library
    may abort instead of failing.
    """
    code = "import ctypes, sys; from PySide6 import QtSvg, QtWidgets; " + (
        f"ctypes.CDLL({str(plugin)!r})" if plugin else "pass"
    )
    checked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if checked.returncode == 0:
        return ""
    said = checked.stderr.strip().splitlines() or [f"exit code {checked.returncode}"]
    return said[-1]


def xcb_plugin() -> Path | None:
    """Return the plug-in that draws on X11, found without loading Qt; None off Linux."""
    spec = importlib.util.find_spec("PySide6")
    if sys.platform != "linux" or spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "Qt" / "plugins" / "platforms" / "libqxcb.so"


def install() -> None:
    """Install the packages; a failure shows in the check that follows."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"], [*APT, *DEBIAN_PACKAGES]):
        subprocess.run(command, stdout=subprocess.DEVNULL, env=environment)


def remedy() -> str:
    """Return the end of the sentence: the command that brings the libraries."""
    if shutil.which("apt-get"):
        return f"this command mends it:\n  sudo {' '.join([*APT, *DEBIAN_PACKAGES])}"
    return "install that library with the package manager of this system, then try again."


if __name__ == "__main__":
    sys.exit(main())
