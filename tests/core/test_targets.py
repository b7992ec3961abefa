"""The short notation of target modules."""

import pytest

from core.errors import UserError
from core.models.info import LinearModule, ModuleGrid
from core.models.targets import describe, resolve

KINDS = ("self_attn.q_proj", "self_attn.v_proj", "mlp.up_proj")
GRID = ModuleGrid(
    tuple(
        LinearModule(f"model.layers.{layer}.{kind}", layer, kind, (8, 8))
        for layer in range(6)
        for kind in KINDS
    )
)


def cells(names: tuple[str, ...]) -> set[tuple[str, int]]:
    return {(GRID.by_name[name].label, GRID.by_name[name].layer) for name in names}


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        (("q_proj",), {("q_proj", layer) for layer in range(6)}),
        (("mlp.up_proj@4-9",), {("up_proj", 4), ("up_proj", 5)}),
        (
            ("q_proj@0+2-3", "v_proj@5"),
            {("q_proj", 0), ("q_proj", 2), ("q_proj", 3), ("v_proj", 5)},
        ),
        (("model.layers.1.mlp.up_proj",), {("up_proj", 1)}),
        (("all-linear@5",), {("q_proj", 5), ("v_proj", 5), ("up_proj", 5)}),
    ],
)
def test_resolve(targets: tuple[str, ...], expected: set[tuple[str, int]]) -> None:
    assert cells(resolve(targets, GRID)) == expected


@pytest.mark.parametrize("target", ["k_proj", "q_proj@9", "q_proj@x", "q_proj@3-", "proj", ""])
def test_what_matches_nothing_is_an_error(target: str) -> None:
    with pytest.raises(UserError):
        resolve((target,), GRID)


def test_everything_is_all_linear() -> None:
    assert describe((m.name for m in GRID.modules), GRID) == ("all-linear",)


@pytest.mark.parametrize("mask", range(1, 2**12, 37))
def test_describe_and_resolve_are_inverse(mask: int) -> None:
    chosen = tuple(m.name for bit, m in enumerate(GRID.modules) if mask >> bit & 1)
    assert resolve(describe(chosen, GRID), GRID) == chosen
