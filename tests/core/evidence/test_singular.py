"""Leading singular vectors and their bounds, against dense decompositions."""

import numpy as np
import pytest
import torch

from core.evidence import singular
from core.evidence.singular import Operator, largest_cosines, leading


@pytest.fixture(autouse=True)
def no_full_decomposition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(singular, "DENSE", 0)


def with_spectrum(shape: tuple[int, int], sigma: np.ndarray, seed: int) -> torch.Tensor:
    random = np.random.default_rng(seed)
    u, v = (np.linalg.qr(random.standard_normal((side, min(shape))))[0] for side in shape)
    return torch.from_numpy((u * sigma) @ v.T)


SPECTRA = {
    "falling": lambda n: 8 * np.arange(1, n + 1) ** -0.5,
    "flat": lambda n: np.arange(1, n + 1) ** -0.1,
    "pairs": lambda n: np.repeat(np.arange(n // 2, 0, -1.0), 2),
    "of low rank": lambda n: np.where(np.arange(n) < 5, 3.0 ** -np.arange(n), 0.0),
}


@pytest.mark.parametrize("shape", [(160, 200), (240, 90), (300, 400)])
@pytest.mark.parametrize("kind", SPECTRA)
def test_values_and_the_bounds_of_the_vectors(shape: tuple[int, int], kind: str) -> None:
    n = min(shape) - min(shape) % 2
    w = with_spectrum(shape, np.resize(SPECTRA[kind](n), min(shape)), 1)
    u, sigma, _ = torch.linalg.svd(w, full_matrices=False)
    found = leading(Operator.dense(w), 10, sure=10)
    known = len(found.sigma)
    assert found.sigma == pytest.approx(sigma[:known].numpy(), abs=1e-3 * float(sigma[0]))
    assert not sigma[known:10].round(decimals=9).any()  # what is left out is zero
    cosines = (found.u * u[:, :known]).sum(0).abs().clamp(max=1.0)
    assert (torch.arccos(cosines) <= found.angles + 1e-6).all()


def test_a_falling_spectrum_is_exact() -> None:
    w = with_spectrum((300, 400), SPECTRA["falling"](300), 2)
    found = leading(Operator.dense(w), 10, sure=10)
    assert found.sigma == pytest.approx(torch.linalg.svdvals(w)[:10].numpy(), rel=1e-9)
    assert float(found.angles.max()) < 1e-3


def test_a_sum_is_never_formed() -> None:
    draw = torch.Generator().manual_seed(0)
    w, b, a = (
        torch.randn(shape, generator=draw, dtype=torch.float64)
        for shape in ((50, 70), (50, 3), (3, 70))
    )
    found = leading(Operator.dense(w).plus(b, a), 5, sure=5)
    assert found.sigma == pytest.approx(torch.linalg.svdvals(w + b @ a)[:5].numpy())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("shape", [(160, 200), (200, 120)])
@pytest.mark.parametrize("seed", range(3))
def test_the_lanczos_bound_is_never_below_the_truth(
    shape: tuple[int, int], seed: int, dtype: torch.dtype
) -> None:
    w = with_spectrum(shape, SPECTRA["falling"](min(shape)), seed)
    random = torch.Generator().manual_seed(seed)
    u0 = torch.linalg.svd(w, full_matrices=False)[0]
    u = torch.randn(shape[0], 12, generator=random, dtype=torch.float64)
    u[:, :4] = u0[:, :4] + 0.3 * u[:, :4] / shape[0] ** 0.5
    u[:, 4] = u0[:, 7]  # the space of Lanczos is used up after one step
    u /= u.norm(dim=0)
    bound = largest_cosines(Operator.dense(w.to(dtype)), u.to(dtype), steps=48)
    assert (bound.double() >= (u.T @ u0).abs().amax(1) - 1e-5).all()
    assert float(bound[5:].max()) < 0.9  # and says something
