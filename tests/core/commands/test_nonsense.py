"""Numbers that make no sense are refused before anything is read, in the words of every error."""

from pathlib import Path

import pytest

from core.cli import main

TOO_LONG = "x" * 300


@pytest.mark.parametrize(
    "line", [f"ranks {TOO_LONG}", f"train {TOO_LONG}", f"plan --model {TOO_LONG}", "ranks loop/a"]
)
def test_paths_that_no_system_takes(
    line: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("loop").symlink_to("loop")
    assert main(line.split()) == 2
    assert capsys.readouterr().err.startswith("error: ")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("grow X --rank 0 --out Y", "--rank: 0 is below 1"),
        ("grow X --rank 8 --seed -1 --out Y", "--seed: -1 is below 0"),
        ("grow X --rank 8.5 --out Y", "'8.5' is not a whole number"),
        ("evidence X --tolerance nan", "nan is not a finite number"),
        ("evidence X --tolerance -1", "-1 is below 0"),
        ("evidence X --examples 1", "--examples: 1 is below 2"),
        ("evidence X --measure losses --rank 0", "--rank: 0 is below 1"),
        ("evidence X --measure losses --energy 1.5", "1.5 is above 1"),
        ("evidence X --measure losses --damp much", "'much' is not a number"),
        ("merge X Y --weights 1 inf", "inf is not a finite number"),
        ("chat X --temperature -1", "-1 is below 0"),
        ("chat X --max-tokens 0", "0 is below 1"),
        ("dance", "invalid choice: 'dance'"),
    ],
)
def test_nonsense(line: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(line.split())
    said = capsys.readouterr()
    assert caught.value.code == 2
    assert not said.out
    error, hint = said.err.splitlines()
    assert error.startswith("error: ")
    assert says in error
    assert hint.startswith("hint: `rankscope")
