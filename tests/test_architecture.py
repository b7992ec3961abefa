"""The one direction of dependency: resources <- app -> core, and no torch in the window."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CORE_FILES = sorted((ROOT / "core").rglob("*.py"))
FORBIDDEN_IN_CORE = {"PySide6", "pyqtgraph", "app"}


def imported_roots(file: Path) -> set[str]:
    roots = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            roots.add((node.module or "").split(".")[0])
    return roots


@pytest.mark.parametrize("file", CORE_FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_core_imports_no_window(file: Path) -> None:
    assert not imported_roots(file) & FORBIDDEN_IN_CORE


def test_only_one_file_of_the_window_knows_threads() -> None:
    threaded = {"QThread", "QThreadPool", "QRunnable", "threading", "concurrent"}
    offenders = set()
    for file in (ROOT / "app").rglob("*.py"):
        tree = ast.parse(file.read_text("utf-8"))
        words = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        words |= imported_roots(file)
        if words & threaded:
            offenders.add(file.name)
    assert offenders <= {"training_thread.py"}
