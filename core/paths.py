"""Where Rankscope keeps what: runs, converted models, caches and preferences.

`RANKSCOPE_HOME` moves everything into one folder; without it the platform's conventions hold.
"""

import os
from pathlib import Path

from platformdirs import PlatformDirs

_DIRS = PlatformDirs("Rankscope", appauthor=False)


def _home() -> Path | None:
    home = os.environ.get("RANKSCOPE_HOME")
    return Path(home).expanduser().resolve() if home else None


def runs_dir() -> Path:
    """The folder of all runs."""
    home = _home()
    return home / "runs" if home else Path(_DIRS.user_data_dir) / "runs"


def types_file() -> Path:
    """The file of the number types that were chosen here (see `core.chosen_types`)."""
    return measurements_file().with_name("types.json")


def measurements_file() -> Path:
    """The file of measured peaks of memory (see `core.memory.measurements`)."""
    home = _home()
    return (home or Path(_DIRS.user_data_dir)) / "measurements.jsonl"


def models_dir() -> Path:
    """The folder of models that Rankscope converted or downloaded."""
    home = _home()
    return home / "models" if home else Path(_DIRS.user_cache_dir) / "models"


def descriptions_dir() -> Path:
    """The folder of what the hub told about models (see `core.models.hub_descriptions`)."""
    home = _home()
    return home / "descriptions" if home else Path(_DIRS.user_cache_dir) / "descriptions"


def tokens_dir() -> Path:
    """The folder of rows that have become tokens (see `core.data.token_cache`)."""
    home = _home()
    return home / "tokens" if home else Path(_DIRS.user_cache_dir) / "tokens"


def bases_dir() -> Path:
    """The folder of singular vectors of base models (see `core.evidence.base_vectors`)."""
    home = _home()
    return home / "bases" if home else Path(_DIRS.user_cache_dir) / "bases"


def evidence_dir() -> Path:
    """The folder of measurements on adapters of no run (see `core.ranks.evidence_shelf`)."""
    home = _home()
    return home / "evidence" if home else Path(_DIRS.user_data_dir) / "evidence"


def mappings_file() -> Path:
    """The file of columns that the user named (see `core.data.mappings`)."""
    return config_dir() / "columns.json"


def config_dir() -> Path:
    """The folder of the window's own preferences."""
    home = _home()
    return home / "config" if home else Path(_DIRS.user_config_dir)


def resources_dir() -> Path:
    """The folder of icons, fonts, presets and sample data that ships with the program."""
    return Path(__file__).resolve().parent.parent / "resources"
