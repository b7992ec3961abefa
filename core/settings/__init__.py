"""The settings of a run and their TOML file."""

from core.settings.effect import without_effect
from core.settings.run import RunSettings, setting_keys
from core.settings.sections import DataSettings, ModelSettings
from core.settings.toml_file import load_settings, save_settings
from core.settings.training import TrainingSettings

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
