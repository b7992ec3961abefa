"""Damping and capping, against dense matrices."""

import numpy as np
import pytest

from core.ranks.damping import cap, damp
from core.ranks.update import Decomposition, Update, decompose

RANDOM = np.random.default_rng(5)
W = RANDOM.standard_normal((18, 22))
PART = decompose(Update("m", 4 * RANDOM.standard_normal((18, 3)), RANDOM.standard_normal((3, 22))))
DELTA = (PART.u * PART.sigma) @ PART.v.T


def tuned(first: int) -> Decomposition:
    u, sigma, vt = np.linalg.svd(W + DELTA)
    return Decomposition("m", u[:, :first], sigma[:first], vt[:first].T)


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_damping_is_the_formula(strength: float) -> None:
    intruders = tuned(2)
    damped = damp(PART, intruders, strength)
    exact = (damped.exact.u * damped.exact.sigma) @ damped.exact.v.T
    change = (strength - 1) * (intruders.u * intruders.sigma) @ intruders.v.T
    assert exact == pytest.approx(DELTA + change, abs=1e-10)
    refitted = (damped.refitted.u * damped.refitted.sigma) @ damped.refitted.v.T
    assert len(damped.refitted.sigma) == 3
    assert np.linalg.norm(exact - refitted) == pytest.approx(
        damped.residual * np.linalg.norm(DELTA), abs=1e-9
    )
    assert damped.residual < 1e-9 or strength < 1


def test_an_intruder_within_the_update_is_damped_without_loss() -> None:
    """On W₀ = 0 the singular vectors of W₀+ΔW are those of ΔW."""
    damped = damp(PART, PART.keep(1), 0.25)
    assert damped.residual == pytest.approx(0.0, abs=1e-12)
    wanted = sorted([0.25 * PART.sigma[0], *PART.sigma[1:]], reverse=True)
    assert damped.refitted.sigma == pytest.approx(wanted)


def test_no_intruders_change_nothing() -> None:
    damped = damp(PART, PART.keep(0), 0.0)
    assert damped.refitted.sigma == pytest.approx(PART.sigma)


def test_a_cap_touches_only_what_is_above() -> None:
    largest = float(PART.sigma[1])
    assert cap(PART, largest).sigma == pytest.approx([largest, largest, PART.sigma[2]])
