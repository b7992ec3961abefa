"""bf16 copies of the factors learn as well as fp32 products: the starter model, three seeds."""

from pathlib import Path

import pytest

from core.events import Evaluated
from core.run_folder import RunFolder
from core.settings import RunSettings
from tests.core.training.engine import of, run_all
from tests.proof.harness import Report

CLOSE = 0.005
"""Of the validation loss; seeds alone move it by about 0.01."""
SEEDS = (7, 8, 9)


@pytest.mark.slow
@pytest.mark.usefixtures("starter_model", "quick_proof")
def test_bf16_products(tmp_path: Path, report: Report) -> None:
    usual = RunSettings().with_changes(
        {
            "training.steps": 30,
            "training.evaluate_every": 30,
            "training.checkpoint_every": 30,
            "training.samples": 0,
            "data.held_out": 0.03,
        }
    )
    failures, told = [], []
    for seed in SEEDS:
        losses = {}
        for products in ("fp32", "model"):
            changes = {"training.seed": seed, "training.adapter_products": products}
            folder = tmp_path / f"{products}-{seed}"
            run = RunFolder.create(folder, usual.with_changes(changes))
            losses[products] = of(Evaluated, run_all(run))[-1].loss
        apart = losses["model"] / losses["fp32"] - 1
        told.append(f"seed {seed}: {losses['fp32']:.4f} and {losses['model']:.4f}")
        failures += [f"seed {seed}: {apart:+.2%}"] if abs(apart) > CLOSE else []
    report.claim("bf16-products", failures, len(SEEDS), "; ".join(told))
