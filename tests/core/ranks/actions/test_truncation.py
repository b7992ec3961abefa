"""Truncation: the error that the plan predicts is the error that the files have."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from core.errors import UserError
from core.exporters import EXPORTERS
from core.ranks.actions import plans
from core.ranks.actions.draft import Draft, opened
from core.ranks.actions.truncation import TruncationPlan, truncated
from core.ranks.actions.write import write_adapter
from tests.core.ranks.rank_folders import PREFIX, Q3, UP0, pair
from tests.core.ranks.rank_folders import write_adapter as write_folder

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tensors = {**pair(Q3, (12, 10), 4), **pair(UP0, (24, 10), 6)}
    return write_folder(tmp_path / "in", tensors, {"rank_pattern": {"up_proj": 6}})


def matrices(folder: Path, scalings: dict[str, float]) -> dict[str, np.ndarray]:
    tensors = load_file(folder / "adapter_model.safetensors")
    return {
        name: scaling
        * tensors[f"{PREFIX}{name}.lora_B.weight"].astype(float)
        @ tensors[f"{PREFIX}{name}.lora_A.weight"].astype(float)
        for name, scaling in scalings.items()
        if f"{PREFIX}{name}.lora_B.weight" in tensors
    }


def written(draft: Draft, plan: TruncationPlan, out: Path) -> dict[str, np.ndarray]:
    write_adapter(truncated(draft, plan), out, EXPORTERS["peft"]())
    return matrices(out, {Q3: 1.0, UP0: 1.0})


@pytest.mark.parametrize("k", range(1, 7))
def test_the_error_is_what_eckart_and_young_say(folder: Path, tmp_path: Path, k: int) -> None:
    draft = opened(folder)
    plan = plans.keep_rank(draft.spectra(), k)
    whole = matrices(folder, {Q3: 2.0, UP0: 8 / 6})
    made = written(draft, plan, tmp_path / "out")
    errors = []
    for module in plan.modules:
        sigma = np.linalg.svd(whole[module.name], compute_uv=False)
        error = np.linalg.norm(whole[module.name] - made[module.name])
        assert error == pytest.approx(np.sqrt((sigma[k:] ** 2).sum()), abs=1e-5)
        assert module.error * np.linalg.norm(sigma) == pytest.approx(error, abs=1e-5)
        assert module.kept == min(k, module.rank)
        errors.append(error)
    norm = np.sqrt(sum(np.linalg.norm(matrix) ** 2 for matrix in whole.values()))
    assert plan.error == pytest.approx(np.linalg.norm(errors) / norm, abs=1e-6)
    assert plan.parameters == min(k, 4) * 22 + k * 34
    assert plan.size_bytes == 4 * plan.parameters


@pytest.mark.parametrize("share", [0.5, 0.9, 0.95, 0.99, 1.0])
def test_energy_keeps_the_fewest_directions_that_are_enough(folder: Path, share: float) -> None:
    plan = plans.keep_energy(opened(folder).spectra(), share)
    for module, matrix in zip(plan.modules, _whole(folder, plan), strict=True):
        energies = np.linalg.svd(matrix, compute_uv=False)[: module.rank] ** 2
        kept = np.cumsum(energies) / energies.sum()
        assert kept[module.kept - 1] >= share - 1e-9
        assert module.kept == 1 or kept[module.kept - 2] < share
        assert module.energy == pytest.approx(kept[module.kept - 1])


def _whole(folder: Path, plan: TruncationPlan) -> list[np.ndarray]:
    whole = matrices(folder, {Q3: 2.0, UP0: 8 / 6})
    return [whole[module.name] for module in plan.modules]


def test_no_other_choice_within_the_budget_leaves_less_behind(folder: Path) -> None:
    spectra = opened(folder).spectra()
    sigma = {module.name: module.singular_values for module in spectra.modules}
    for budget in range(22, 22 * 4 + 34 * 6 + 1, 10):
        plan = plans.keep_budget(spectra, budget)
        assert plan.parameters <= budget
        best = min(
            (sigma[Q3][i:] ** 2).sum() + (sigma[UP0][j:] ** 2).sum()
            for i in range(5)
            for j in range(7)
            if i * 22 + j * 34 <= plan.parameters
        )
        left = sum((sigma[m.name][m.kept :] ** 2).sum() for m in plan.modules)
        assert left == pytest.approx(best)


def test_a_budget_can_drop_a_module(tmp_path: Path) -> None:
    tensors = {**pair(Q3), **{key: 1e-4 * value for key, value in pair(UP0).items()}}
    draft = opened(write_folder(tmp_path / "in", tensors))
    plan = plans.keep_budget(draft.spectra(), 4 * 22)
    assert plan.dropped == 1
    made = written(draft, plan, tmp_path / "out")
    assert list(made) == [Q3]
    assert [slot.name for slot in opened(tmp_path / "out").slots] == [Q3]


def test_a_dropped_module_changes_nothing_in_peft(tiny_model: Path, tmp_path: Path) -> None:
    from tests.core.ranks.actions.peft_models import effect_error, make

    adapter = make(tiny_model, tmp_path / "in", "dora")
    draft = opened(adapter)
    spectra = draft.spectra()
    name = spectra.modules[0].name
    stays = {m.name: np.full(m.rank, m.name != name) for m in spectra.modules}
    plan = plans.plan_truncation(spectra, stays, "by hand")
    write_adapter(truncated(draft, plan), tmp_path / "out", EXPORTERS["peft"]())
    keys = load_file(tmp_path / "out" / "adapter_model.safetensors")
    assert not [key for key in keys if name in key]  # nor the row lengths of DoRA
    assert 0 < effect_error(tiny_model, tmp_path / "out", adapter) < 1


def test_measured_numbers_decide_where_they_are_given(folder: Path) -> None:
    spectra = opened(folder).spectra()
    worth = {m.name: np.zeros(m.rank) for m in spectra.modules}
    worth[UP0][[1, 3]] = 5.0, 4.0
    plan = plans.keep_budget(spectra, 10_000, worth)
    assert plan.ranks == {Q3: 0, UP0: 2}
    assert plan.stays[UP0].tolist() == [False, True, False, True, False, False]
    energies = {m.name: np.arange(1.0, m.rank + 1) for m in spectra.modules}
    assert plans.keep_energy(spectra, 0.6, energies).ranks == {Q3: 2, UP0: 3}
    with pytest.raises(UserError, match="Nothing was measured"):
        plans.keep_energy(spectra, 0.6, {Q3: np.ones(4)})


def test_a_floor_beside_the_base_can_leave_a_whisper_out(folder: Path) -> None:
    spectra = opened(folder).spectra()
    first = {module.name: module.singular_values for module in spectra.modules}
    floors = {Q3: first[Q3][1] * 1.01, UP0: first[UP0][0] * 2}
    plan = plans.keep_above(spectra, floors, "σ above 1 % of ‖W₀‖")
    assert plan.ranks == {Q3: 1, UP0: 0}


def test_an_untrained_module_is_left_out_by_energy_and_kept_by_rank(tmp_path: Path) -> None:
    tensors = pair(Q3) | pair(UP0)
    tensors[f"{PREFIX}{UP0}.lora_B.weight"][:] = 0
    spectra = opened(write_folder(tmp_path / "in", tensors)).spectra()
    assert plans.keep_energy(spectra, 0.9).ranks[UP0] == 0
    assert plans.keep_budget(spectra, 10_000).ranks[UP0] == 0
    plan = plans.keep_rank(spectra, 2)
    assert (plan.ranks[UP0], plan.modules[0].energy) == (2, 1.0)


@pytest.mark.parametrize(
    ("rule", "value", "message"),
    [
        (plans.keep_rank, 0, "keeps nothing"),
        (plans.keep_rank, 7, "larger than that of the adapter, 6"),
        (plans.keep_energy, 0.0, "not between 0 and 1"),
        (plans.keep_energy, 1.5, "not between 0 and 1"),
        (plans.keep_energy, float("nan"), "not between 0 and 1"),
        (plans.keep_budget, 21, "too few"),
    ],
)
def test_bounds(folder: Path, rule, value: float, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UserError, match=message):
        rule(opened(folder).spectra(), value)


def test_an_untrained_adapter_has_nothing_to_write(tmp_path: Path) -> None:
    tensors = pair(Q3)
    tensors[f"{PREFIX}{Q3}.lora_B.weight"][:] = 0
    draft = opened(write_folder(tmp_path / "in", tensors))
    plan = plans.keep_energy(draft.spectra(), 0.9)
    with pytest.raises(UserError, match="Nothing is left"):
        write_adapter(truncated(draft, plan), tmp_path / "out", EXPORTERS["peft"]())
