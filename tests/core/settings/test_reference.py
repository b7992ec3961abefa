"""docs/settings.md says what the code says."""

from pathlib import Path

from core.adapters import ADAPTERS
from core.settings import setting_keys
from core.settings.reference import page

ROOT = Path(__file__).resolve().parents[3]


def test_the_page_is_up_to_date() -> None:
    written = (ROOT / "docs" / "settings.md").read_text("utf-8")
    assert written == page(), "run `make docs`"


def test_every_setting_and_method_is_on_the_page() -> None:
    text = page()
    for key in setting_keys():
        assert f"| `{key.rsplit('.', 1)[-1]}` |" in text
    for method in ADAPTERS:
        assert f"- `{method}`: {ADAPTERS[method].summary}" in text


def test_bounds_units_and_choices_are_spelled_out() -> None:
    text = page()
    assert "| `max_length` | Max length | `256` | from 8 to 1,048,576 tokens |" in text
    assert "| `dropout` | Dropout | `0.0` | from 0 to below 1 |" in text
    assert "| `bits` | Base weights | `16` | `16`, `8`, `4` bit |" in text
