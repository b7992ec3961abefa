"""Algorithm R against a dense float64 SVD, which forms ΔW and so is independent of it."""

import math
import time

import numpy as np
import pytest

from core.errors import UserError
from core.ranks import AdapterSpectra, Update, singular_values, spectra_of

SHAPES = [(48, 32, 8), (32, 48, 8), (20, 20, 1), (6, 40, 16), (40, 6, 16), (64, 64, 64)]


def factors(m: int, n: int, r: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng([seed, m, n, r])
    return random.standard_normal((m, r)), random.uniform(-1, 1, (r, n))


@pytest.mark.parametrize(("m", "n", "r"), SHAPES)
@pytest.mark.parametrize("scaling", [1.0, 2.0, -0.37, 32 / math.sqrt(16)])
def test_agrees_with_dense_svd(m: int, n: int, r: int, scaling: float) -> None:
    b, a = factors(m, n, r)
    dense = np.linalg.svd(scaling * (b @ a), compute_uv=False)[: min(m, n, r)]
    assert np.abs(singular_values(Update("x", b, a, scaling)) - dense).max() <= 1e-10 * dense[0]


def test_prescribed_spectrum_over_twelve_orders() -> None:
    """B = UΣ^½X and A = X⁻¹Σ^½Vᵀ with cosine columns and X = triu(1): no random numbers."""
    sigma = 10.0 ** -np.arange(0, 9, dtype=float)
    columns = np.arange(len(sigma))

    def cosine_basis(rows: int) -> np.ndarray:
        grid = np.cos(np.pi * (np.arange(rows)[:, None] + 0.5) * (columns + 1) / rows)
        return grid * np.sqrt(2 / rows)

    mix = np.triu(np.ones((len(sigma), len(sigma))))
    b = cosine_basis(96) * np.sqrt(sigma) @ mix
    a = np.linalg.solve(mix, (cosine_basis(64) * np.sqrt(sigma)).T)
    assert singular_values(Update("x", b, a)) == pytest.approx(sigma, rel=1e-7)


def test_zero_b_is_untrained_and_never_nan() -> None:
    spectra = spectra_of([Update("model.layers.0.mlp.up_proj", np.zeros((8, 4)), np.ones((4, 6)))])
    module = spectra.modules[0]
    assert not module.trained
    assert not spectra.trained
    assert module.numerical_rank == 0
    assert set(module.energy_rank.values()) == {0}
    assert set(module.scalars.values()) == {0.0}
    assert module.null.singular_values[1].max() == 0


def test_numerical_rank_counts_what_rounding_leaves() -> None:
    b, a = factors(30, 20, 6)
    b[:, 4:] = b[:, :2]
    assert spectra_of([Update("x", b, a)]).modules[0].numerical_rank == 4


@pytest.mark.parametrize(("side", "value"), [(0, np.nan), (1, np.inf)])
def test_non_finite_numbers_name_their_key(side: int, value: float) -> None:
    pair = factors(8, 6, 2)
    pair[side][1, 1] = value
    with pytest.raises(UserError, match=r"lora_[AB] of model\.layers\.0\.q_proj") as caught:
        spectra_of([Update("model.layers.0.q_proj", *pair)])
    assert caught.value.message.startswith("lora_B" if side == 0 else "lora_A")


def test_shapes_that_do_not_fit_are_our_bug() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        spectra_of([Update("x", np.ones((4, 2)), np.ones((3, 5)))])


def test_modules_come_in_the_order_of_the_data_flow() -> None:
    names = ["lm_head"]
    for layer in (10, 2):
        for kind in ("mlp.down_proj", "mlp.up_proj", "self_attn.k_proj", "self_attn.q_proj"):
            names.append(f"model.layers.{layer}.{kind}")
    spectra = spectra_of(Update(name, *factors(6, 5, 2)) for name in names)
    order = [module.name.removeprefix("model.layers.") for module in spectra.modules]
    one = ["self_attn.q_proj", "self_attn.k_proj", "mlp.up_proj", "mlp.down_proj"]
    assert order == [f"2.{kind}" for kind in one] + [f"10.{kind}" for kind in one] + ["lm_head"]
    assert spectra.grid.layers == (2, 10)
    assert spectra.grid.kinds == tuple(one)


def starter_sized(rank: int = 16) -> AdapterSpectra:
    shapes = {
        "self_attn.q_proj": (576, 576),
        "self_attn.k_proj": (192, 576),
        "self_attn.v_proj": (192, 576),
        "self_attn.o_proj": (576, 576),
        "mlp.gate_proj": (1536, 576),
        "mlp.up_proj": (1536, 576),
        "mlp.down_proj": (576, 1536),
    }
    made = {kind: factors(*shape, rank) for kind, shape in shapes.items()}
    names = [(layer, kind) for layer in range(30) for kind in shapes]
    return spectra_of(Update(f"model.layers.{i}.{kind}", *made[kind], 2.0) for i, kind in names)


def test_all_modules_of_the_starter_in_a_fraction_of_a_second() -> None:
    starter_sized()
    started = time.perf_counter()
    spectra = starter_sized()
    assert len(spectra.modules) == 210
    # 0.09 s on one core of the machine it was written on; the bound leaves room for a busy one.
    assert time.perf_counter() - started < 1.0


def test_concentration_of_the_layers() -> None:
    """Shares 1/5 and 4/5 of the energy: 0.04 + 0.64; one layer alone: 1."""
    updates = [
        Update(f"model.layers.{layer}.mlp.up_proj", np.eye(4, 2), np.eye(2, 3), 1.0 + layer)
        for layer in range(2)
    ]
    assert spectra_of(updates).layer_concentration == pytest.approx(0.68)
    assert spectra_of(updates[:1]).layer_concentration == 1.0
    assert spectra_of([Update("x", np.zeros((4, 2)), np.ones((2, 3)))]).layer_concentration == 0


def test_numbers_too_large_for_their_product() -> None:
    huge = np.full((8, 2), 1e200)
    with pytest.raises(UserError, match="too large"):
        spectra_of([Update("x", huge, huge.T)])
