"""Spectra between evaluations: the same as those of the factors, rare, small and readable."""

from pathlib import Path

import numpy as np
import pytest

from core.events import RanksComputed
from core.ranks import load_ranks
from core.training import live_ranks
from tests.core.training.conftest import MakeRun
from tests.core.training.engine import of, run_all

pytestmark = pytest.mark.filterwarnings("ignore")


def test_they_come_between_evaluations(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_ranks, "EVERY_STEPS", 2)
    monkeypatch.setattr(live_ranks, "SHARE", 1.0)
    run = make_run(training__evaluate_every=100)
    computed = of(RanksComputed, run_all(run))
    assert [event.step for event in computed] == [0, 2, 4, 6]
    live, exact = (load_ranks(Path(computed[i].path)) for i in (2, 3))
    assert {module.floor for module in live.modules} == {1e-7}
    assert {module.floor for module in exact.modules} == {0.0}
    assert [m.name for m in live.modules] == [m.name for m in exact.modules]
    assert live.adapter == exact.adapter
    assert all(module.trained for module in live.modules)
    sizes = [Path(event.path).stat().st_size for event in computed]
    assert max(sizes) < 300 * len(exact.modules)


def test_they_wait_where_they_cost_too_much(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One snapshot tells the cost; the next one waits for a hundred times that."""
    monkeypatch.setattr(live_ranks, "EVERY_STEPS", 1)
    monkeypatch.setattr(live_ranks, "SHARE", 1e-9)
    run = make_run(training__evaluate_every=100)
    assert [event.step for event in of(RanksComputed, run_all(run))] == [0, 1, 6]


def test_both_algorithms_agree_on_a_live_model(make_run: MakeRun, tiny_model: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    from core.ranks import spectra_of
    from core.training.factors import live_spectra, live_updates

    torch.manual_seed(0)
    base = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    config = LoraConfig(r=4, target_modules="all-linear", rank_pattern={"q_proj": 2})
    model = get_peft_model(base, config)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    exact = spectra_of(live_updates(model)).by_name
    live = live_spectra(model)
    assert {module.name for module in live} == set(exact)
    for module in live:
        expected = exact[module.name]
        assert (module.shape, module.rank) == (expected.shape, expected.rank)
        sigma = expected.singular_values
        assert np.abs(module.singular_values - sigma).max() <= 1e-9 * sigma[0]
