"""Settings that change nothing beside the others of a run, and why: nobody should tune them."""

from collections.abc import Callable

from core.settings.run import RunSettings

_NO_VALIDATION = "No rows are held out, so there is nothing to evaluate on."

_RULES: dict[str, tuple[Callable[[RunSettings], bool], str]] = {
    "training.decay_share": (
        lambda run: run.training.schedule != "wsd",
        "Only the schedule WSD has a decay of its own.",
    ),
    "training.adapter_products": (
        lambda run: not _has_short_products(run),
        "DoRA, dropout and 8-bit weights keep PEFT's products, which are in fp32.",
    ),
    "training.packing": (
        lambda run: run.model.attention == "eager",
        "Eager attention knows no packed rows: they are padded.",
    ),
    "model.attention_dtype": (
        lambda run: not run.training.packing or run.model.attention == "eager",
        "Without packing, attention computes in the type of the model.",
    ),
    "training.evaluate_every": (lambda run: run.data.held_out == 0, _NO_VALIDATION),
    "training.early_stopping": (lambda run: run.data.held_out == 0, _NO_VALIDATION),
    "training.samples": (lambda run: run.data.held_out == 0, _NO_VALIDATION),
    "training.sample_tokens": (
        lambda run: run.data.held_out == 0 or run.training.samples == 0,
        "No sample answers are asked for.",
    ),
}


def without_effect(settings: RunSettings) -> dict[str, str]:
    """Return the dotted keys of settings that do nothing in this run, each with the reason."""
    return {key: why for key, (idle, why) in _RULES.items() if idle(settings)}


def _has_short_products(run: RunSettings) -> bool:
    """Tell whether the adapted layers compute as in `core.training.adapter_product`."""
    plain = run.adapter.method != "dora" and not getattr(run.adapter, "dropout", 0.0)
    return plain and run.model.bits != 8
