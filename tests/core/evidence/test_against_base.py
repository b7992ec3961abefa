"""ΔW beside W₀, against full decompositions and the fixtures of the LoRA paper's measures."""

from math import sqrt

import numpy as np
import pytest
import torch

from core.evidence import singular
from core.evidence.against_base import against_base
from core.evidence.singular import Operator, leading
from core.ranks.against_base import AgainstBase, BaseComparison
from core.ranks.update import Decomposition, Update, decompose

W5 = np.diag([5.0, 4.0, 3.0, 2.0, 1.0])
EYE = np.eye(5)


def beside(w: np.ndarray, delta: np.ndarray, rank: int, count: int = 64) -> AgainstBase:
    u, sigma, vt = np.linalg.svd(delta, full_matrices=False)
    part = Decomposition("m", u[:, :rank], sigma[:rank], vt[:rank].T)
    tensor = torch.from_numpy(w)
    return against_base(part, tensor, leading(Operator.dense(tensor), count, sure=16))


def test_amplification_of_the_fixture() -> None:
    module = beside(W5, np.diag([0, 0, 0, 0.8, 0.6]), 2)
    assert module.projection[1] == pytest.approx(sqrt(5))
    assert module.amplification(2) == pytest.approx(0.4472135955)
    by_chance = float(np.linalg.norm(W5)) * 2 / 5
    assert by_chance == pytest.approx(2.9664793948)
    assert module.alignment(2) == pytest.approx(sqrt(5) / by_chance)
    assert module.ceiling(2) == pytest.approx(sqrt(41))


def test_amplification_is_not_defined_where_there_is_nothing_to_amplify() -> None:
    w = np.diag([5.0, 4.0, 0.0, 0.0, 0.0])
    module = beside(w, np.diag([0, 0, 0, 0.8, 0.6]), 2)
    assert module.amplification(2) is None
    assert module.alignment(2) == pytest.approx(0.0)
    assert beside(W5, np.zeros((5, 5)), 2).amplification(1) is None


@pytest.mark.parametrize(
    ("delta", "intruders"),
    [
        (20 * np.full((5, 5), 0.2), 1),
        (10 * np.outer(EYE[0], EYE[0]), 0),
        (10 * np.outer(EYE[4], EYE[4]), 0),  # promoted, not new
    ],
)
def test_intruders_of_the_fixture(delta: np.ndarray, intruders: int) -> None:
    found = beside(W5, delta, 1).intruders
    assert found.count("intruder") == intruders
    assert found.count("borderline") == 0
    if intruders:
        assert found.high[0] == pytest.approx(0.4929, abs=2e-4)


def synthetic(seed: int) -> tuple[np.ndarray, np.ndarray, int]:
    """W₀ with a falling or a flat spectrum, and an update that mixes old directions and new."""
    random = np.random.default_rng(seed)
    m, n = [(160, 200), (300, 180), (240, 240)][seed % 3]
    q = min(m, n)
    sigma = 8 * np.arange(1, q + 1) ** (-0.5 if seed % 2 else -0.15)
    u = np.linalg.qr(random.standard_normal((m, q)))[0]
    v = np.linalg.qr(random.standard_normal((n, q)))[0]
    rank = 4 + seed % 5
    fresh = random.standard_normal((m, rank)) / sqrt(m)
    mixed = 0.5 * (seed % 4) * u[:, :rank] + fresh
    delta = (2 + seed % 5) * mixed @ random.standard_normal((rank, n)) / sqrt(n) * 2
    return (u * sigma) @ v.T, delta, rank


def test_no_false_verdict_on_synthetic_matrices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(singular, "DENSE", 0)
    true, sure, all_of_them = 0, 0, 0
    for seed in range(12):
        w, delta, rank = synthetic(seed)
        found = beside(w, delta, rank, count=32).intruders
        base = np.linalg.svd(w, full_matrices=False)[0]
        tuned = np.linalg.svd(w + delta, full_matrices=False)[0][:, :10]
        exact = np.abs(tuned.T @ base).max(1)
        assert (found.low <= exact).all()
        assert (exact <= found.high).all()
        wanted = np.where(exact < 0.5, "intruder", "no intruder")
        verdicts = np.array(found.verdicts())
        decided = verdicts != "borderline"
        assert (verdicts[decided] == wanted[decided]).all()
        all_of_them += len(verdicts)
        sure += decided.sum()
        true += (exact < 0.5).sum()
    assert 20 < true < all_of_them - 20  # the set holds both kinds
    assert sure > 0.8 * all_of_them


@pytest.mark.parametrize("seed", range(4))
def test_the_place_within_the_base(seed: int) -> None:
    w, delta, rank = synthetic(seed)
    module = beside(w, delta, rank)
    u, sigma, vt = np.linalg.svd(w, full_matrices=False)
    inner, energy = u.T @ delta @ vt.T, (delta**2).sum()
    count = len(module.base_sigma)
    assert module.base_sigma == pytest.approx(sigma[:count], rel=1e-3)
    if seed % 2:  # a flat spectrum has no single vectors that could be compared
        rows = ((u.T @ delta) ** 2).sum(1).cumsum()[:count] / energy
        columns = ((delta @ vt.T) ** 2).sum(0).cumsum()[:count] / energy
        diagonal = (np.diag(inner) ** 2).cumsum()[:count] / energy
        assert module.outputs == pytest.approx(rows, abs=1e-4)
        assert module.inputs == pytest.approx(columns, abs=1e-4)
        assert module.reweighted == pytest.approx(diagonal, abs=1e-4)
    part = decompose(Update("m", delta, np.eye(delta.shape[1]))).keep(rank)
    assert module.projection[-1] == pytest.approx(np.linalg.norm(part.u.T @ w @ part.v))


def test_a_change_of_strength_alone_reweights() -> None:
    w = np.diag([5.0, 4.0, 3.0, 2.0, 1.0])
    assert beside(w, np.diag([1.0, 0.5, 0, 0, 0]), 2).reweighted[-1] == pytest.approx(1.0)
    swapped = np.zeros((5, 5))
    swapped[0, 1] = swapped[1, 0] = 1.0
    assert beside(w, swapped, 2).reweighted[-1] == pytest.approx(0.0)


def test_a_comparison_survives_json() -> None:
    comparison = BaseComparison(modules=(beside(W5, 20 * np.full((5, 5), 0.2), 1),))
    again = BaseComparison.model_validate_json(comparison.model_dump_json())
    assert again.model_dump_json() == comparison.model_dump_json()
    assert again.count("intruder") == 1
