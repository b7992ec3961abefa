"""Features are found by walking a folder."""

import pytest

from core.errors import UserError
from core.registry import Registry


def test_unknown_name_lists_the_known() -> None:
    registry: Registry[int] = Registry("thing")
    registry.register("b")(2)
    registry.register("a")(1)
    assert list(registry) == ["a", "b"]
    with pytest.raises(UserError) as caught:
        registry["c"]
    assert caught.value.hint == "Known: a, b."


def test_a_name_is_taken_once() -> None:
    registry: Registry[int] = Registry("thing")
    registry.register("a")(1)
    with pytest.raises(ValueError, match="twice"):
        registry.register("a")(2)
