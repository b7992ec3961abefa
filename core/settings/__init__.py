"""The settings of a run and their TOML file."""

from core.settings.effect import without_effect
from core.settings.run import (
    DataSettings,
    ModelSettings,
    RunSettings,
    TrainingSettings,
    setting_keys,
)
from core.settings.toml_file import load_settings, save_settings

__all__ = [
    "DataSettings",
    "ModelSettings",
    "RunSettings",
    "TrainingSettings",
    "load_settings",
    "save_settings",
    "setting_keys",
    "without_effect",
]
