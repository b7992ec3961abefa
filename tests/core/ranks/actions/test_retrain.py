"""Ranks of their own for single modules: in the settings, in training, and in the plan."""

from pathlib import Path

import pytest

from core.adapters import ADAPTERS
from core.adapters.base import at_rank
from core.errors import UserError
from core.memory.plan import plan_memory
from core.models.sources import open_model
from core.models.targets import adapted, describe_ranks, resolve_ranks
from core.ranks.actions.retrain import retrained
from core.settings import RunSettings, load_settings, save_settings


def settings(tiny_model: Path, **changes: object) -> RunSettings:
    keys = {f"adapter.{key}": value for key, value in changes.items()}
    return RunSettings().with_changes({"model.source": str(tiny_model), **keys})


@pytest.mark.parametrize("method", ["lora", "rslora", "dora"])
def test_training_builds_the_ranks_and_keeps_the_scaling(tiny_model: Path, method: str) -> None:
    from core.models.load import load_model
    from core.training.trainee import attach_adapter

    run = settings(tiny_model, method=method, rank=8, alpha=16.0)
    scaling = ADAPTERS[method].scaling(run.adapter)
    run = run.with_changes({"adapter.rank_pattern": ["q_proj@1=3", "q_proj=5", "mlp.up_proj=12"]})
    base = load_model(tiny_model, run.model, dtype=None, device="cpu")
    model = attach_adapter(base, run, open_model(str(tiny_model)))
    found = {
        name.partition("layers.")[2]: (module.lora_A["default"].weight.shape[0], module)
        for name, module in model.named_modules()
        if hasattr(module, "lora_A") and "default" in module.lora_A
    }
    assert found["0.self_attn.q_proj"][0] == 5
    assert found["1.self_attn.q_proj"][0] == 3
    assert found["0.mlp.up_proj"][0] == 12
    assert found["0.mlp.down_proj"][0] == 8
    for _, module in found.values():
        assert module.scaling["default"] == pytest.approx(scaling)
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert plan_memory(open_model(str(tiny_model)), run).trained_parameters == trained


def test_the_plan_counts_the_moments_of_each_rank(tiny_model: Path) -> None:
    info = open_model(str(tiny_model))
    uniform = plan_memory(info, settings(tiny_model, rank=4))
    named = plan_memory(info, settings(tiny_model, rank=64, rank_pattern=["all-linear=4"]))
    assert named.trained_parameters == uniform.trained_parameters
    assert named.peak_bytes == uniform.peak_bytes


def test_entries_are_found_described_and_refused(tiny_model: Path, tmp_path: Path) -> None:
    grid = open_model(str(tiny_model)).grid
    pattern = ("q_proj@0=2", "q_proj=4", "all-linear=6")
    ranks = resolve_ranks(pattern, grid)
    assert resolve_ranks(describe_ranks(ranks, grid), grid) == ranks
    run = settings(tiny_model, rank_pattern=pattern, targets=("q_proj",), alpha=32.0, rank=16)
    own = adapted(run.adapter, grid)
    assert [(a.rank, a.alpha) for a in own.values()] == [(2, 4.0), (4, 8.0)]  # type: ignore[attr-defined]
    save_settings(run, tmp_path / "run.toml")
    assert load_settings(tmp_path / "run.toml") == run
    with pytest.raises(UserError, match="No module of this model matches 'c_attn'"):
        resolve_ranks(("c_attn=4",), grid)
    for wrong in ("q_proj", "q_proj=0", "q_proj=x", "=4", "q_proj=4096"):
        with pytest.raises(UserError, match="is no entry such as q_proj@4-29=8"):
            settings(tiny_model, rank_pattern=[wrong])


def test_a_plan_becomes_the_settings_of_a_new_run(tiny_model: Path) -> None:
    grid = open_model(str(tiny_model)).grid
    run = settings(tiny_model, method="rslora", rank=16, alpha=32.0)
    ranks = {module.name: 6 for module in grid.modules}
    ranks["model.layers.0.self_attn.q_proj"] = 2
    ranks["model.layers.1.mlp.down_proj"] = 0
    made = retrained(run, ranks, grid)
    own = adapted(made.adapter, grid)
    assert {name: a.rank for name, a in own.items()} == {n: k for n, k in ranks.items() if k}  # type: ignore[attr-defined]
    scaling = ADAPTERS["rslora"].scaling
    assert {round(scaling(a), 9) for a in own.values()} == {round(scaling(run.adapter), 9)}
    assert made.adapter.model_dump()["rank_pattern"] == ("q_proj@0=2",)
    assert made.training == run.training
    assert made.name == "my-first-adapter-retrained"
    assert retrained(made, ranks, grid).name == made.name


def test_what_cannot_be_retrained(tiny_model: Path) -> None:
    grid, run = open_model(str(tiny_model)).grid, settings(tiny_model)
    with pytest.raises(UserError, match="No module would be left"):
        retrained(run, {grid.modules[0].name: 0}, grid)
    with pytest.raises(UserError, match=r"layers\.7\.mlp\.up_proj is no module"):
        retrained(run, {"model.layers.7.mlp.up_proj": 4}, grid)


def test_the_scaling_stays_at_every_rank() -> None:
    for method in ("lora", "rslora", "dora"):
        adapter = RunSettings().with_changes({"adapter.method": method}).adapter
        scaling = ADAPTERS[method].scaling
        for rank in (1, 5, 64, 1024):
            assert scaling(at_rank(adapter, rank)) == pytest.approx(scaling(adapter))  # type: ignore[arg-type]
