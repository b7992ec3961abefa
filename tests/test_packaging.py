"""A wheel holds all that the program needs: it is built, installed elsewhere and started there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("app", "core", "resources", "pyproject.toml", "README.md", "LICENSE")
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]


def run(command: list[str], folder: Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel of these sources was installed, without network."""
    folder = tmp_path_factory.mktemp("packaging")
    sources = folder / "sources"
    sources.mkdir()
    for name in SOURCES:  # a copy: building in place would leave build/ and *.egg-info behind
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, sources / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, sources / name)
    build = ["wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(folder)]
    run([*PIP, *build, "."], sources)
    (wheel,) = folder.glob("rankscope-*.whl")
    target = folder / "target"
    run([*PIP, "install", "--no-deps", "--no-index", "--target", str(target), str(wheel)], folder)
    return target


def files_in(folder: Path) -> set[str]:
    return {
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


@pytest.mark.parametrize("part", ["app", "core", "resources"])
def test_every_file_is_in_the_wheel(installed: Path, part: str) -> None:
    assert files_in(installed / part) == files_in(ROOT / part)


def test_the_command_runs_and_finds_its_resources(installed: Path) -> None:
    script = installed / "bin" / "rankscope"
    home = {"PYTHONPATH": str(installed)}
    assert "usage: rankscope" in run([sys.executable, str(script), "--help"], installed, **home)
    code = "from core.paths import resources_dir; print(resources_dir())"
    found = Path(run([sys.executable, "-c", code], installed, **home).strip())
    assert found == (installed / "resources").resolve()
    assert (found / "fonts" / "Inter-Regular.otf").is_file()
    assert (found / "icons" / "rankscope.svg").is_file()


def test_the_licences_travel_along(installed: Path) -> None:
    assert list(installed.glob("rankscope-*.dist-info/licenses/LICENSE"))
    assert (installed / "resources" / "fonts" / "Inter-OFL.txt").is_file()
    assert (installed / "resources" / "icons" / "LICENSE").is_file()
