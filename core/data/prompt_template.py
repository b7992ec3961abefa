"""Prompts composed from several columns: "Translate into {language}: {source}"."""

import re
from collections.abc import Mapping

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]+)\}")
"""Two braces stand for one."""


def placeholders(template: str) -> list[str]:
    """Return the columns that a template names, once each."""
    return list(dict.fromkeys(filter(None, _PLACEHOLDER.findall(template))))


def compose(template: str, values: Mapping[str, str]) -> str:
    """Return the template with the values of a row in it.

    What a value holds is never taken for a placeholder.
    """
    return _PLACEHOLDER.sub(
        lambda found: values[found[1]] if found[1] else found[0][0],
        template,
    )
