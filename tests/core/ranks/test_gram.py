"""Algorithm G against a prescribed spectrum: good above its floor, marked below it."""

import numpy as np
import pytest

from core.ranks import ModuleSpectrum
from core.ranks.gram import FLOOR, gram_singular_values
from core.ranks.update import Update, singular_values


def ill_conditioned() -> tuple[Update, np.ndarray]:
    """Return B = UΣ^½Q and A = QᵀΣ^½Vᵀ with cosine columns, Q a rotation and σ = 1 … 1e-12."""
    sigma = 10.0 ** -np.arange(0, 12.1, 0.5)
    columns = np.arange(len(sigma))

    def cosine_basis(rows: int) -> np.ndarray:
        grid = np.cos(np.pi * (np.arange(rows)[:, None] + 0.5) * (columns + 1) / rows)
        return grid * np.sqrt(2 / rows)

    turn = np.linalg.qr(cosine_basis(len(sigma) + 3))[0][: len(sigma)]
    turn = np.linalg.qr(turn)[0]
    b = cosine_basis(96) * np.sqrt(sigma) @ turn
    return Update("x", b, turn.T @ (cosine_basis(64) * np.sqrt(sigma)).T), sigma


def by_grams(update: Update, kind: str) -> np.ndarray:
    b, a = update.b.astype(kind), update.a.astype(kind)
    g, h = (a @ a.T).astype(np.float64), (b.T @ b).astype(np.float64)
    return gram_singular_values(g[None], h[None], np.array([-2.0]))[0]


@pytest.mark.parametrize(("kind", "tolerance"), [("float64", 1e-2), ("float32", 5e-2)])
def test_good_down_to_its_floor_and_useless_far_below(kind: str, tolerance: float) -> None:
    update, sigma = ill_conditioned()
    error = np.abs(by_grams(update, kind) / 2 - sigma) / sigma
    above = sigma >= FLOOR[kind]
    assert error[above].max() < tolerance
    assert error[sigma < FLOOR[kind] / 100].max() > 0.5
    exact = np.abs(singular_values(update) - sigma) / sigma
    assert exact[above].max() < 1e-9


def test_many_modules_at_once_and_an_untrained_one() -> None:
    random = np.random.default_rng(0)
    updates = [Update("x", random.standard_normal((9, 4)), random.standard_normal((4, 7)))] * 2
    updates.append(Update("y", np.zeros((9, 4)), random.standard_normal((4, 7))))
    g = np.stack([u.a @ u.a.T for u in updates])
    h = np.stack([u.b.T @ u.b for u in updates])
    found = gram_singular_values(g, h, np.array([1.0, -3.0, 1.0]))
    expected = singular_values(updates[0])
    assert found[0] == pytest.approx(expected, rel=1e-12)
    assert found[1] == pytest.approx(3 * expected, rel=1e-12)
    assert found[2].tolist() == [0, 0, 0, 0]


def test_values_below_the_floor_are_marked() -> None:
    sigma = np.array([1.0, 1e-6, 1e-8, 0.0])
    module = ModuleSpectrum("x", (9, 7), 4, 1.0, sigma, floor=FLOOR["float64"])
    assert module.reliable.tolist() == [True, True, False, False]
    assert module.numerical_rank == 2
    exact = ModuleSpectrum("x", (9, 7), 4, 1.0, sigma)
    assert exact.reliable.all()
