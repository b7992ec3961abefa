"""Settings: one declaration gives bounds, messages and the TOML file."""

import tomllib
from pathlib import Path

import pytest

from core.adapters import ADAPTERS
from core.errors import UserError
from core.settings import RunSettings, load_settings, save_settings, setting_keys


def test_defaults_survive_toml(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    save_settings(RunSettings(), file, {"torch": "2.13.0"})
    assert load_settings(file) == RunSettings()


@pytest.mark.parametrize("method", list(ADAPTERS))
def test_every_method_survives_toml_and_json(method: str, tmp_path: Path) -> None:
    settings = RunSettings().with_changes({"adapter.method": method, "adapter.rank": 4})
    file = tmp_path / "run.toml"
    save_settings(settings, file)
    assert load_settings(file) == settings
    assert RunSettings.model_validate_json(settings.model_dump_json()) == settings


def test_toml_is_complete_and_commented(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    save_settings(RunSettings(), file)
    content = tomllib.loads(file.read_text("utf-8"))
    for key in setting_keys():
        section, _, name = key.rpartition(".")
        assert name in (content[section] if section else content), key
    description = type(RunSettings().training).model_fields["seed"].description
    assert f"# {description}" in file.read_text("utf-8")


def test_text_values_become_numbers() -> None:
    settings = RunSettings().with_changes({"adapter.rank": "8", "training.learning_rate": "1e-4"})
    assert settings.adapter.model_dump()["rank"] == 8
    assert settings.training.learning_rate == 1e-4


@pytest.mark.parametrize(
    ("given", "means"),
    [
        (True, "all"),
        (False, "off"),
        ("true", "all"),
        ("False", "off"),
        ("auto", "auto"),
        ("12", 12),
        (1, 1),
        (0, 0),
    ],
)
def test_checkpointing_is_a_word_or_a_number(given: object, means: object, tmp_path: Path) -> None:
    settings = RunSettings().with_changes({"training.gradient_checkpointing": given})
    read = settings.training.gradient_checkpointing
    assert (read, type(read)) == (means, type(means))
    save_settings(settings, tmp_path / "run.toml")
    assert load_settings(tmp_path / "run.toml") == settings


@pytest.mark.parametrize(
    ("changes", "message", "hint"),
    [
        ({"training.gradient_checkpointing": "some"}, "off, auto, all or a number", "Mend"),
        ({"training.gradient_checkpointing": -1}, "training.gradient_checkpointing = -1", ""),
        ({"training.gradient_checkpointing": 1.5}, "training.gradient_checkpointing = 1.5", ""),
        ({"adapter.rnk": 3}, "'adapter.rnk'", "adapter.rank"),
        ({"adapter.rank": 0}, "adapter.rank = 0", ""),
        ({"model.bits": 5}, "model.bits = 5", ""),
        ({"adapter.method": "zora"}, "'zora'", "dora, lora, rslora"),
        ({"training.warmup": 60}, "training.warmup", ""),
        ({"name": "a/b"}, "must do without / ", "Mend"),
        ({"nonsense": 1}, "'nonsense'", "docs/settings.md"),
    ],
)
def test_wrong_changes_are_named(changes: dict[str, object], message: str, hint: str) -> None:
    with pytest.raises(UserError) as caught:
        RunSettings().with_changes(changes)
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[adapter]\nrnk = 3\n", "'adapter.rnk'", "adapter.rank"),
        ("[trainning]\nsteps = 3\n", "'trainning'", ""),
        ("[training]\nlearning_rat = 3\n", "'training.learning_rat'", "training.learning_rate"),
        ("name = \n", "not valid TOML", "line"),
        ("version = 99\n", "schema version 99", "Update"),
        ("name = 'a'\x00", "not valid TOML", "line"),
    ],
)
def test_misspelt_file_is_named(tmp_path: Path, text: str, message: str, hint: str) -> None:
    file = tmp_path / "run.toml"
    file.write_text(text)
    with pytest.raises(UserError) as caught:
        load_settings(file)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_missing_and_binary_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no file"):
        load_settings(tmp_path / "none.toml")
    (tmp_path / "run.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="cannot be read"):
        load_settings(tmp_path / "run.toml")


def test_changing_the_method_keeps_what_both_know() -> None:
    settings = RunSettings().with_changes({"adapter.rank": 4})
    changed = settings.with_changes({"adapter.method": "dora"})
    assert changed.adapter.model_dump()["rank"] == 4


@pytest.mark.parametrize(("steps", "warmup"), [(1, 0), ("4", 0), (5, 0), (6, 5), (60, 5)])
def test_fewer_steps_shorten_the_warm_up(steps: int | str, warmup: int) -> None:
    changed = RunSettings().with_changes({"training.steps": steps})
    assert (changed.training.steps, changed.training.warmup) == (int(steps), warmup)
    long = RunSettings().with_changes({"training.steps": 500, "training.warmup": 100})
    assert long.with_changes({"training.steps": 50}).training.warmup == 5
