"""Damaged adapters: each is refused in words, or gives the spectrum of what it really says."""

import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from core.errors import UserError
from core.ranks import AdapterFiles, AdapterSpectra
from tests.core.ranks.mutants import CONFIGS, Adapter, meaning, mutant, valid

SLOWEST = 5.0  # seconds for one mutant on a busy machine


def opened(adapter: Adapter, folder: Path) -> AdapterSpectra:
    files = AdapterFiles(adapter.write(folder))
    return files.spectra(list(files))


def compare(spectra: AdapterSpectra, adapter: Adapter) -> None:
    """Compare with a dense SVD of what the file says, module by module."""
    deltas = {name.replace("_", "."): delta for name, delta in meaning(adapter).items()}
    found = {m.name.replace("_", "."): m.singular_values for m in spectra.modules}
    vectors = {v.name.replace("_", "."): v.values for v in spectra.vectors}
    kohya = adapter.config is None
    wanted = {name.removeprefix("lora.") if kohya else name: d for name, d in deltas.items()}
    assert set(found) | set(vectors) == set(wanted)
    for name, values in vectors.items():
        assert np.array_equal(values, wanted[name].ravel())
    for name, sigma in found.items():
        delta = wanted[name]
        assert np.isfinite(sigma).all()
        dense = np.linalg.svd(delta.reshape(len(delta), -1), compute_uv=False)
        padded = np.zeros(max(len(dense), len(sigma)))
        padded[: len(sigma)] = sigma
        padded[: len(dense)] -= dense
        assert np.abs(padded).max() <= 1e-9 * dense[0], name


@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.parametrize("seed", range(3))
def test_the_undamaged_ones_are_read(tmp_path: Path, kind: str, seed: int) -> None:
    adapter = valid(kind, seed)
    compare(opened(adapter, tmp_path), adapter)


def run(seeds: range, folder: Path) -> Counter[str]:
    import safetensors.torch  # noqa: F401 - takes seconds, which are not the first mutant's

    outcomes: Counter[str] = Counter()
    for seed in seeds:
        how, adapter = mutant(seed)
        started = time.perf_counter()
        try:
            spectra = opened(adapter, folder)
        except UserError as error:
            assert error.message and error.hint, (seed, how)  # noqa: PT017, PT018 - many seeds
            outcomes["refused"] += 1
        except Exception as error:
            raise AssertionError(f"mutant {seed} ({how}) crashed") from error
        else:
            try:
                compare(spectra, adapter)
            except Exception as error:
                raise AssertionError(f"mutant {seed} ({how}) gave a wrong number") from error
            outcomes["read"] += 1
        assert time.perf_counter() - started < SLOWEST, (seed, how)
    return outcomes


def test_some_hundred_mutants(tmp_path: Path) -> None:
    outcomes = run(range(400), tmp_path)
    assert min(outcomes["refused"], outcomes["read"]) > 40


@pytest.mark.slow
def test_ten_thousand_mutants(tmp_path: Path) -> None:
    outcomes = run(range(10_000), tmp_path)
    assert outcomes.total() == 10_000
