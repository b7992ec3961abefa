"""Settings as the window calls them: by title, never by key."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from app.setting_field import SettingField, setting_field
from app.widgets.number_field import number_text
from core.errors import UserError
from core.settings import setting_keys

_KEY = re.compile(r"\b[a-z]+\.[a-z_]+\b")


def titled(text: str) -> str:
    """Return the text with settings called as the window calls them: Max length."""
    fields = _fields()
    return _KEY.sub(lambda m: fields[m[0]].title if m[0] in fields else m[0], text)


def in_window_words(error: UserError) -> UserError:
    """Return the error with settings by title."""
    return UserError(titled(error.message), titled(error.hint), error.details)


def set_words(changes: Mapping[str, Any]) -> str:
    """Return what a button does: Set learning rate to 2e-4, Set batch to 2 and 1 more."""
    (key, value), *others = changes.items()
    field = _fields()[key]
    first = f"Set {_inside(field.title)} to {value_text(value)} {field.unit}".rstrip()
    return f"{first} and {len(others)} more" if others else first


def list_words(changes: Mapping[str, Any]) -> str:
    """Return all changes, one per line: Learning rate: 2e-4."""
    fields = _fields()
    return "\n".join(f"{fields[key].title}: {value_text(value)}" for key, value in changes.items())


def value_text(value: Any) -> str:
    """Return a value as people write it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, int):
        return f"{value:,}"
    return number_text(value)


@lru_cache(maxsize=1)
def _fields() -> dict[str, SettingField]:
    return {key: setting_field(key) for key in setting_keys()}


def _inside(title: str) -> str:
    """Return a title as it stands inside a sentence: learning rate, but LoRA+ ratio."""
    word = title.partition(" ")[0]
    return title[0].lower() + title[1:] if word[1:].islower() else title
