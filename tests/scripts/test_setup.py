"""The set-up says in one sentence what is missing, and does nothing twice."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
BOOTSTRAP = ROOT / "scripts" / "bootstrap.sh"


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module scripts/setup.py, at work on an empty checkout."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    monkeypatch.delitem(sys.modules, "setup", raising=False)
    import setup as module

    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "constraints.txt").write_text("a==1\n")
    venv = tmp_path / ".venv"
    venv.mkdir()
    (venv / "pyvenv.cfg").write_text("version = 3.11\n")
    changes = {
        "ROOT": tmp_path,
        "VENV": venv,
        "STAMP": venv / "stamp.json",
        "MARKER": venv / "unfinished",
        "CONSTRAINTS": tmp_path / "constraints.txt",
    }
    for name, value in changes.items():
        monkeypatch.setattr(module, name, value)
    return module


def stamp(setup: ModuleType, *extras: str) -> None:
    python = Path(sys.executable)
    setup.STAMP.write_text(json.dumps({"inputs": setup.inputs(python), "extras": extras}))


def bootstrap(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(BOOTSTRAP), "run"],
        env={"PATH": str(folder), **environment},
        capture_output=True,
        text=True,
    )


def fake_python(file: Path, answers: str) -> None:
    file.write_text(f'#!/bin/sh\ncase "$2" in\n{answers}\nesac\nexit 1\n')
    file.chmod(0o755)


@pytest.fixture
def empty_path(tmp_path: Path) -> Path:
    """A PATH with nothing but what the shell script itself calls."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "dirname").symlink_to("/usr/bin/dirname")
    return folder


posix = pytest.mark.skipif(os.name == "nt", reason="the shell script is for POSIX")


@posix
def test_no_python_is_one_sentence(empty_path: Path) -> None:
    done = bootstrap(empty_path)
    assert done.returncode == 2
    assert done.stderr.startswith("Cannot go on: no Python 3.11 to 3.14 was found;")
    assert done.stderr.count("\n") == 1


@posix
def test_a_python_without_venv_is_named(empty_path: Path) -> None:
    fake_python(empty_path / "python3", "*version_info*) exit 0;;")
    done = bootstrap(empty_path)
    assert done.returncode == 2
    assert "python3 has no venv module" in done.stderr


@posix
def test_a_broken_shim_is_passed_over(empty_path: Path) -> None:
    fake_python(empty_path / "python3", "")
    good = empty_path / "python3.12"
    good.write_text('#!/bin/sh\n[ "$1" = -c ] && exit 0\necho "started: $*"\n')
    good.chmod(0o755)
    done = bootstrap(empty_path)
    assert (done.returncode, done.stdout) == (0, "started: scripts/setup.py run\n")


def test_a_stamp_that_fits_means_nothing_to_do(setup: ModuleType) -> None:
    python = Path(sys.executable)
    assert not setup.is_complete(python, ())
    stamp(setup)
    assert setup.is_complete(python, ())
    assert not setup.is_complete(python, ("dev",))
    stamp(setup, "dev")
    assert setup.is_complete(python, ())


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_new_pins_ask_for_a_new_set_up(setup: ModuleType, name: str) -> None:
    stamp(setup, "dev")
    (setup.ROOT / name).write_text("something else\n")
    assert not setup.is_complete(Path(sys.executable), ())


def test_an_interrupted_set_up_starts_over(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(setup, "works", lambda _: True)
    monkeypatch.setattr(setup, "create", lambda _: (setup.MARKER.unlink(), steps.append("create")))
    monkeypatch.setattr(setup, "install", interrupted)
    with pytest.raises(KeyboardInterrupt):
        setup.prepare()
    assert steps == []
    monkeypatch.setattr(setup, "install", lambda *_, **__: steps.append("install"))
    setup.prepare()
    assert steps == ["create", "install"]
    setup.prepare()
    assert steps == ["create", "install"]


def test_a_failed_download_keeps_what_worked(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = Path(sys.executable)

    def offline(*_: object, **__: object) -> None:
        raise setup.InstallFailed("no network")

    monkeypatch.setattr(setup, "works", lambda _: True)
    monkeypatch.setattr(setup, "install", offline)
    monkeypatch.setattr(setup, "VENV", setup.ROOT / ".venv")
    bin_python = setup.VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    bin_python.parent.mkdir()
    bin_python.symlink_to(python)
    stamp(setup)
    with pytest.raises(setup.InstallFailed):
        setup.prepare(("dev",))
    assert setup.is_complete(bin_python, ())


@pytest.mark.parametrize("screen", ["DISPLAY", "WAYLAND_DISPLAY", ""])
def test_a_display_is_recognised(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, screen: str
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    if screen:
        monkeypatch.setenv(screen, ":9")
    assert setup.has_display() is bool(screen)


def test_the_first_line_says_that_there_is_no_display(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setup, "has_display", lambda: False)
    monkeypatch.setattr(setup, "prepare", lambda *_: Path(sys.executable))
    monkeypatch.setattr(setup, "check_qt", lambda *_, **__: None)
    monkeypatch.setattr(setup, "start", lambda *_, **__: 0)
    assert setup.main(["run"]) == 0
    assert capsys.readouterr().out.startswith("No display found: doing the whole job")
