"""The composition root."""


def main() -> int:
    """Open the window."""
    return 0
