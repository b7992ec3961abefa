"""`rankscope`: without arguments the window, with arguments the command line."""

import sys


def main() -> int:
    """Dispatch; nothing of the other side is imported."""
    if len(sys.argv) > 1:
        from core.cli import main as command_line

        return command_line()
    from app.application import main as window

    return window()


if __name__ == "__main__":
    sys.exit(main())
