"""The functional spectrum, against an explicit covariance of the inputs."""

import numpy as np
import pytest

from core.ranks.functional import (
    FunctionalSpectrum,
    functional_null,
    functional_values,
    square_root,
)
from core.ranks.update import Update, decompose

RANDOM = np.random.default_rng(3)
X = RANDOM.standard_normal((400, 24)) * np.logspace(0, -2, 24)
C = X.T @ X / len(X)


@pytest.mark.parametrize("scaling", [1.0, 2.5, -0.7])
def test_values_are_those_of_the_weighted_update(scaling: float) -> None:
    b, a = RANDOM.standard_normal((20, 5)), RANDOM.standard_normal((5, 24))
    z = X @ a.T
    found = functional_values(Update("m", b, a, scaling), z.T @ z / len(X))
    dense = np.linalg.svd(scaling * b @ a @ square_root(C), compute_uv=False)[:5]
    assert found == pytest.approx(dense, rel=1e-9)
    responses = scaling * X @ a.T @ b.T
    assert (found**2).sum() == pytest.approx((responses**2).sum(1).mean())


def test_energies_are_those_of_each_component_alone() -> None:
    part = decompose(Update("m", RANDOM.standard_normal((20, 5)), RANDOM.standard_normal((5, 24))))
    z = X @ part.v
    spectrum = FunctionalSpectrum.of(
        Update("m", part.u * part.sigma, part.v.T),
        z.T @ z / len(X),
        functional_null((20, 24), np.eye(5)),
        (np.zeros(5), np.zeros(5)),
    )
    for k in range(5):
        alone = part.sigma[k] * np.outer(X @ part.v[:, k], part.u[:, k])
        assert spectrum.energies[k] == pytest.approx((alone**2).sum(1).mean())
    assert spectrum.sigma == pytest.approx(part.sigma)
    assert spectrum.energies.sum() == pytest.approx((spectrum.functional**2).sum())


def test_a_random_update_lies_within_its_null() -> None:
    """Also where the inputs are far from round: its null knows the same inputs."""
    even = []
    for seed in range(40):
        random = np.random.default_rng(seed)
        a, start = (random.uniform(-0.2, 0.2, (6, 24)) for _ in range(2))
        part = decompose(Update("m", random.standard_normal((30, 6)), a))
        z, by_chance = X @ part.v, X @ start.T
        spectrum = FunctionalSpectrum.of(
            Update("m", part.u * part.sigma, part.v.T),
            z.T @ z / len(X),
            functional_null((30, 24), by_chance.T @ by_chance / len(X)),
            (np.zeros(6), np.zeros(6)),
        )
        even.append(spectrum.is_even)
        assert spectrum.erank <= 6
    assert np.mean(even) > 0.5


def test_an_untrained_module_is_zero_everywhere() -> None:
    update = Update("m", np.zeros((8, 3)), np.eye(3, 6))
    spectrum = FunctionalSpectrum.of(
        update,
        np.zeros((3, 3)),
        functional_null((8, 6), np.zeros((3, 3))),
        (np.zeros(3), np.zeros(3)),
    )
    assert spectrum.erank == 0
    assert spectrum.energy_rank() == 0
    assert not spectrum.functional.any()
