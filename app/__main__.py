"""`rankscope`: without arguments the window, with arguments the command line."""

import os
import sys

from core.heap import tidy_own_heap

DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")


def main() -> int:
    """Dispatch; nothing of the other side is imported."""
    if len(sys.argv) > 1:
        if sys.argv[1] == "train":  # before anything is loaded that would be loaded twice
            tidy_own_heap()
        from core.cli import main as command_line

        return command_line()
    if sys.platform == "linux" and not any(os.environ.get(name) for name in DISPLAYS):
        sys.stderr.write("error: There is no display to open a window on.\n")
        sys.stderr.write("hint: `rankscope --help` lists what works in a terminal.\n")
        return 2
    # Spectra are computed beside the frames: NumPy's OpenBLAS must leave the other cores alone.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from app.application import main as window

    return window()


if __name__ == "__main__":
    sys.exit(main())
