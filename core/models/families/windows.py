"""Which blocks see a window of the last tokens only, by the rules of the config classes."""

from core.models.config import Config

Rule = str | int
"""All blocks where the config names a window ("everywhere": Mistral), from one block on where a
switch says so ("switched on": Qwen), all but every n-th (a number: Gemma), or none ("")."""


def windows(rule: Rule, text: Config) -> dict[str, int]:
    """Return the fields of `Architecture`; layer types in the config have the last word."""
    window = text.size("sliding_window", default=0, least=0)
    types = text.items("layer_types")
    windowed = _windowed(rule, text) if types is None else types.count("sliding_attention")
    if rule == "switched on" and not text.flag("use_sliding_window"):
        windowed = 0
    return {"window": window, "windowed_layers": windowed} if window and windowed else {}


def _windowed(rule: Rule, text: Config) -> int:
    layers = text.layers
    if isinstance(rule, int):
        return layers - layers // text.size("sliding_window_pattern", default=rule)
    first = text.size("max_window_layers", default=0, least=0) if rule == "switched on" else 0
    return max(0, layers - first) if rule else 0
