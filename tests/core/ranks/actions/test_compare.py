"""Comparison through matrices of r × r against the dense ones."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import UserError
from core.ranks import Update
from core.ranks.actions.compare import SIDES, Subspaces, compare
from core.ranks.actions.compare_report import report, to_document
from core.ranks.actions.draft import Draft, Slot, opened
from tests.core.ranks.rank_folders import PREFIX, Q3, UP0, pair
from tests.core.ranks.rank_folders import write_adapter as write_folder


def draft_of(*updates: Update, name: str = "x") -> Draft:
    slots = tuple(Slot.of(update) for update in updates)
    return Draft(name, "some/base", "F32", slots, lambda: iter(updates))


def update(seed: int, rank: int = 4, name: str = Q3, shape: tuple[int, int] = (30, 20)) -> Update:
    random = np.random.default_rng([seed, rank])
    b, a = random.standard_normal((shape[0], rank)), random.standard_normal((rank, shape[1]))
    return Update(name, b, a, 0.5)


def dense(made: Update) -> np.ndarray:
    return made.scaling * made.b @ made.a


def test_everything_agrees_with_the_dense_matrices() -> None:
    first, second = update(1, rank=4), update(2, rank=6)
    (module,) = compare(draft_of(first), draft_of(second)).modules
    one, other = dense(first), dense(second)
    assert module.inner == pytest.approx((one * other).sum())
    norms = np.linalg.norm(one), np.linalg.norm(other)
    assert module.cosine == pytest.approx((one * other).sum() / np.prod(norms))
    assert module.norm_ratio == pytest.approx(norms[1] / norms[0])
    difference = np.linalg.svd(one - other, compute_uv=False)
    assert module.difference == pytest.approx(difference[:10], abs=1e-10)
    (u1, _, v1), (u2, _, v2) = np.linalg.svd(one), np.linalg.svd(other)
    a1, a2 = (np.linalg.svd(made.a)[2] for made in (first, second))
    spaces = {"inputs": (v1, v2), "outputs": (u1.T, u2.T), "A": (a1, a2)}
    for side in SIDES:
        x1, x2 = spaces[side]
        found = module.subspaces[side]
        for i in range(1, 5):
            for j in range(1, 7):
                overlap = np.linalg.norm(x1[:i] @ x2[:j].T) ** 2 / min(i, j)
                assert found.similarity[i - 1, j - 1] == pytest.approx(overlap)
                assert found.null[i - 1, j - 1] == max(i, j) / len(x1)
        cosines = np.linalg.svd(x1[:4] @ x2[:6].T, compute_uv=False)
        assert np.cos(found.angles) == pytest.approx(cosines)


def test_the_fixture_of_disjoint_and_overlapping_axes() -> None:
    axes = np.eye(12)
    found = Subspaces.of(axes[:, :4], axes[:, 2:10])
    assert found.similarity[3, 7] == 0.5
    assert Subspaces.of(axes[:, :2], axes[:, 2:4]).similarity[1, 1] == 0
    assert Subspaces.of(axes[:, :3], axes[:, :3]).similarity[2, 2] == 1


def test_random_directions_overlap_as_the_null_says() -> None:
    random = np.random.default_rng(0)
    bases = (np.linalg.qr(random.standard_normal((512, 64)))[0] for _ in range(20))
    found = [Subspaces.of(one[:, :8], other) for one, other in zip(bases, bases, strict=True)]
    mean = np.mean([subspaces.similarity[7, 63] for subspaces in found])
    assert mean == pytest.approx(found[0].null[7, 63], abs=4e-3)  # 64/512


def test_an_adapter_and_itself_and_its_opposite() -> None:
    made = update(1)
    same = compare(draft_of(made), draft_of(made))
    assert same.cosine == pytest.approx(1)
    assert same.modules[0].difference.max() < 1e-12
    other = compare(draft_of(made), draft_of(replace(made, scaling=-1.0)))
    assert other.cosine == pytest.approx(-1)
    assert other.modules[0].norm_ratio == pytest.approx(2)


def test_an_untrained_module_has_no_direction_to_compare() -> None:
    zero = replace(update(2), b=np.zeros((30, 4)))
    comparison = compare(draft_of(zero), draft_of(update(1)))
    (module,) = comparison.modules
    assert (module.cosine, module.norm_ratio) == (0.0, None)
    assert module.subspaces["inputs"].similarity.shape == (0, 4)
    document = to_document(comparison)
    assert document["modules"][0]["subspaces"]["outputs"]["similarity"] == []
    assert "–" in report(document)


def test_modules_that_only_one_has_are_named() -> None:
    first = draft_of(update(1), update(1, name=UP0), name="one")
    second = draft_of(update(2, name="model.layers.9.mlp.up_proj"), update(2), name="two")
    comparison = compare(first, second)
    assert [module.name for module in comparison.modules] == [Q3]
    assert comparison.only == ((UP0,), ("model.layers.9.mlp.up_proj",))
    assert f"Only one adapts {UP0}." in report(to_document(comparison))


def test_the_same_start_is_noticed_and_another_is_not() -> None:
    random = np.random.default_rng(3)
    start = random.uniform(-0.1, 0.1, (8, 100))

    def run(seed: int, a0: np.ndarray) -> Draft:
        noise = np.random.default_rng(seed)
        a = a0 + 0.05 * noise.standard_normal((8, 100))
        return draft_of(Update(Q3, noise.standard_normal((50, 8)), a))

    assert "same seed" in compare(run(1, start), run(2, start)).warnings[0]
    fresh = random.uniform(-0.1, 0.1, (8, 100))
    assert compare(run(1, start), run(2, fresh)).warnings == ()


def test_other_bases(tmp_path: Path) -> None:
    first = opened(write_folder(tmp_path / "a", pair(Q3)))
    second = opened(write_folder(tmp_path / "b", pair(Q3, (24, 10))))
    with pytest.raises(UserError, match="12 × 10 in a, but 24 × 10 in b"):
        compare(first, second)
    with pytest.raises(UserError, match="no module in common"):
        compare(first, opened(write_folder(tmp_path / "c", pair(UP0))))
    named = {"base_model_name_or_path": "another/base"}
    other = opened(write_folder(tmp_path / "d", pair(Q3, seed=4), named))
    assert "another/base" in compare(first, other).warnings[0]


def test_a_file_in_another_order(tmp_path: Path) -> None:
    tensors = {**pair(Q3), **pair(UP0)}
    backwards = dict(reversed(tensors.items()))
    first = opened(write_folder(tmp_path / "a", tensors))
    second = opened(write_folder(tmp_path / "b", backwards))
    assert [slot.name for slot in second.slots] == [UP0, Q3]
    assert compare(first, second).cosine == pytest.approx(1)
    assert f"{PREFIX}{Q3}.lora_A.weight" in backwards
