"""Merging, growing and clipping, beside the dense matrices and beside what PEFT makes of it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import UserError
from core.exporters import EXPORTERS
from core.ranks.actions import plans
from core.ranks.actions.draft import Draft, opened
from core.ranks.actions.layout import AsTrained
from core.ranks.actions.merge import merge
from core.ranks.actions.reshape import clipped, grown, relative_caps
from core.ranks.actions.truncation import truncated
from core.ranks.actions.write import write_adapter
from core.ranks.update import decompose
from tests.core.ranks.actions.peft_models import KINDS, effect_error, logits, make
from tests.core.ranks.rank_folders import Q3, UP0, pair
from tests.core.ranks.rank_folders import write_adapter as write_folder

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",
    "ignore::FutureWarning",
    "ignore:Model has `tie_word_embeddings",  # PEFT, of an adapter on a tied table
    "ignore:Setting `save_embedding_layers`",
)


def matrices(draft: Draft) -> dict[str, np.ndarray]:
    return {made.name: made.scaling * made.b @ made.a for made in draft.updates()}


@pytest.fixture
def two(tmp_path: Path) -> list[Draft]:
    first = write_folder(tmp_path / "a", {**pair(Q3, rank=4), **pair(UP0, (24, 10), 4)})
    second = write_folder(tmp_path / "b", pair(Q3, rank=2, seed=1), {"r": 2, "use_rslora": True})
    return [opened(first), opened(second)]


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.3, -2.0)])
def test_the_sum_is_exact(two: list[Draft], weights: tuple[float, float]) -> None:
    merger = merge(two, weights)
    one, other = (matrices(draft) for draft in two)
    made = matrices(merger.draft)
    assert made[Q3] == pytest.approx(weights[0] * one[Q3] + weights[1] * other[Q3], abs=1e-12)
    assert made[UP0] == pytest.approx(weights[0] * one[UP0])
    inner = (one[Q3] * other[Q3]).sum()
    norms = [np.sqrt(sum((m**2).sum() for m in matrices(draft).values())) for draft in two]
    assert merger.cosines[0, 1] == pytest.approx(inner / np.prod(norms))
    assert merger.norms == pytest.approx(np.abs(weights) * norms)


def test_recompressing_keeps_the_best_of_the_sum(two: list[Draft]) -> None:
    merger = merge(two, (1.0, 1.0))
    plan = plans.keep_energy(merger.draft.spectra(), 0.8)
    small = matrices(truncated(merger.draft, plan))
    whole = matrices(merger.draft)
    for module in plan.modules:
        sigma = np.linalg.svd(whole[module.name], compute_uv=False)
        error = np.linalg.norm(whole[module.name] - small[module.name])
        assert error == pytest.approx(np.linalg.norm(sigma[module.kept :]))


def test_an_adapter_less_itself_is_nothing(two: list[Draft]) -> None:
    gone = merge([two[0], two[0]], (1.0, -1.0)).draft
    assert max(np.abs(matrix).max() for matrix in matrices(gone).values()) < 1e-12
    doubled = merge([two[0], two[0]], (1.0, 1.0)).draft
    plan = plans.keep_everything(doubled.spectra())
    assert plan.ranks == {Q3: 4, UP0: 4}  # not 8


@pytest.mark.parametrize("kind", KINDS)
def test_one_adapter_at_weight_one_is_itself(tiny_model: Path, tmp_path: Path, kind: str) -> None:
    adapter = make(tiny_model, tmp_path / "in", kind)
    draft = merge([opened(adapter)], [1.0]).draft
    plan = plans.keep_everything(draft.spectra())
    write_adapter(truncated(draft, plan), tmp_path / "out", EXPORTERS["peft"]())
    assert effect_error(tiny_model, tmp_path / "out", adapter) < 1e-5


@pytest.mark.parametrize(("kind", "at_least"), [("rslora", 0.5), ("dora", 0.1)])
def test_peft_merges_one_adapter_into_another_one(
    tiny_model: Path, tmp_path: Path, kind: str, at_least: float
) -> None:
    """PEFT 0.21 at weight 1: √r too large (rsLoRA), without the row lengths (DoRA)."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    adapter = make(tiny_model, tmp_path / "in", kind)
    base = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    model = PeftModel.from_pretrained(base, adapter)
    model.add_weighted_adapter(["default"], [1.0], "merged", combination_type="cat")
    model.set_adapter("merged")
    with torch.no_grad():
        merged = model.double().eval()(input_ids=torch.arange(3, 40)[None]).logits
    wanted, without = logits(tiny_model, adapter), logits(tiny_model, None)
    assert (merged - wanted).norm() / (wanted - without).norm() > at_least


def test_what_cannot_be_added_up(two: list[Draft], tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="2 adapters, but 1 weights"):
        merge(two, [1.0])
    with pytest.raises(UserError, match="no finite number"):
        merge(two, [1.0, float("inf")])
    dora = opened(make(tiny_model, tmp_path / "dora", "dora"))
    with pytest.raises(UserError, match="DoRA adapter"):
        merge([dora, dora], [0.5, 0.5])
    with pytest.raises(UserError, match="DoRA adapter"):
        merge([dora], [0.5])


@pytest.mark.parametrize("kind", ["rslora", "patterns", "dora"])
def test_growing_changes_nothing_and_leaves_room(
    tiny_model: Path, tmp_path: Path, kind: str
) -> None:
    adapter = make(tiny_model, tmp_path / "in", kind)
    draft = opened(adapter)
    written = write_adapter(grown(draft, 9), tmp_path / "out", AsTrained())
    assert written.verified["PEFT"] < 1e-12
    assert effect_error(tiny_model, tmp_path / "out", adapter) < 1e-6
    larger = opened(tmp_path / "out")
    for before, after in zip(draft.updates(), larger.updates(), strict=True):
        assert after.rank == 9
        assert after.scaling == pytest.approx(before.scaling)  # alpha changes instead
        new = after.a[before.rank :]
        assert 0.2 < new.std() * np.sqrt(3 * new.shape[1]) < 1.8  # ±1/√n, uniform
        assert not after.b[:, before.rank :].any()
        # A gradient ∂L/∂B of the new columns is G·(new rows of A)ᵀ, which is not zero.
        assert np.linalg.matrix_rank(after.a) == 9


def test_growing_is_the_same_every_time_and_only_upwards(two: list[Draft]) -> None:
    one, again, other = (grown(two[0], 6, seed) for seed in (0, 0, 1))
    rows = [[made.a for made in draft.updates()] for draft in (one, again, other)]
    assert all(np.array_equal(x, y) for x, y in zip(rows[0], rows[1], strict=True))
    assert not np.array_equal(rows[0][0], rows[2][0])
    assert not np.array_equal(rows[0][0][4:], rows[0][1][4:])  # each module its own
    with pytest.raises(UserError, match="not between that of the adapter, 4"):
        grown(two[0], 3)


def test_clipping_caps_and_keeps_the_directions(two: list[Draft]) -> None:
    spectra = two[0].spectra()
    second = float(spectra.by_name[Q3].singular_values[1])
    made = {m.name: m.singular_values for m in clipped(two[0], {Q3: second}).spectra().modules}
    assert made[Q3] == pytest.approx(np.minimum(spectra.by_name[Q3].singular_values, second))
    assert made[UP0] == pytest.approx(spectra.by_name[UP0].singular_values)
    capped = clipped(two[0], relative_caps(spectra, 0.5))
    for before, after in zip(two[0].updates(), capped.updates(), strict=True):
        one, other = decompose(before), decompose(after)
        last = one.v[:, -1]  # below the cap: the same direction at the same size
        image = after.b @ (after.a @ last)
        assert np.linalg.norm(image) == pytest.approx(min(one.sigma[-1], one.sigma[0] / 2))
        assert other.sigma[0] == pytest.approx(one.sigma[0] / 2)
    with pytest.raises(UserError, match="above 0"):
        clipped(two[0], {Q3: 0.0})
    with pytest.raises(UserError, match="not between 0 and 1"):
        relative_caps(spectra, 1.2)
