"""Which settings do nothing beside others, against what the engine does with them."""

import pytest

from core.settings import RunSettings, setting_keys, without_effect
from core.settings.effect import _RULES


def idle(**changes: object) -> set[str]:
    dotted = {key.replace("__", "."): value for key, value in changes.items()}
    return set(without_effect(RunSettings().with_changes(dotted)))


def test_every_rule_is_about_a_setting_and_ends_its_sentence() -> None:
    assert _RULES.keys() <= set(setting_keys())
    assert all(why.endswith(".") for _, why in _RULES.values())


def test_a_new_run_has_one_idle_setting() -> None:
    assert idle() == {"training.decay_share"}


@pytest.mark.parametrize(
    ("changes", "more"),
    [
        ({"adapter__method": "dora"}, {"training.adapter_products"}),
        ({"adapter__dropout": 0.1}, {"training.adapter_products"}),
        ({"model__bits": 8}, {"training.adapter_products"}),
        ({"model__bits": 4}, set()),
        ({"training__packing": False}, {"model.attention_dtype"}),
        ({"model__attention": "eager"}, {"model.attention_dtype", "training.packing"}),
        ({"training__samples": 0}, {"training.sample_tokens"}),
        (
            {"data__held_out": 0.0},
            {
                "training.evaluate_every",
                "training.early_stopping",
                "training.samples",
                "training.sample_tokens",
            },
        ),
    ],
)
def test_what_makes_a_setting_idle(changes: dict[str, object], more: set[str]) -> None:
    assert idle(**changes) == {"training.decay_share"} | more
    assert idle(**changes, training__schedule="wsd") == more
