"""Everything that is measured on a run, against full matrices in a stock model."""

from pathlib import Path

import numpy as np
import pytest
import torch

from core.control import Control
from core.errors import UserError
from core.events import Evaluated, Reply, RunEnded
from core.jobs import evidence as job
from core.jobs.damp import Damp, DampRequest
from core.jobs.evidence import EvidenceDesk, EvidenceRequest
from core.ranks.before_after import BeforeAfter, Change
from core.ranks.curve import LossCurve
from core.ranks.functional import square_root
from core.ranks.verdict import judge
from core.run_folder import RunFolder
from tests.core.evidence.conftest import Train, events_of, measured
from tests.core.evidence.dense import (
    dense_updates,
    loss_of,
    merged_model,
    rows_of_run,
    truncated,
)
from tests.core.training.engine import ignored_warnings, of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def test_the_ends_of_the_curve_are_what_the_run_evaluated(trained: RunFolder) -> None:
    curve = measured(trained)
    first, *_, last = (event.loss for event in of(Evaluated, list(trained.events())))
    assert curve.base_loss.mean == pytest.approx(first, rel=1e-6)
    assert curve.full_loss.mean == pytest.approx(last, rel=1e-5)
    assert curve.available == curve.examples == len(rows_of_run(trained, held_out=True))
    assert [point.setting for point in curve.line("uniform")] == [1, 2, 4, 6]
    assert curve.increase(curve.line("uniform")[-1]).mean == 0


@pytest.mark.parametrize("rank", [1, 4])
def test_a_truncated_adapter_loses_what_full_matrices_lose(trained: RunFolder, rank: int) -> None:
    curve: LossCurve = measured(trained)
    point = next(point for point in curve.line("uniform") if point.setting == rank)
    deltas = {name: truncated(delta, rank) for name, delta in dense_updates(trained).items()}
    model = merged_model(trained, deltas)
    with torch.no_grad():
        losses = [float(loss_of(model, row)) for row in rows_of_run(trained, held_out=True)]
    assert point.losses == pytest.approx(losses, rel=1e-5)


def test_every_mode_falls_back_to_the_whole(trained: RunFolder) -> None:
    curve = measured(trained)
    for mode in ("energy", "budget", "functional"):
        line = curve.line(mode)
        assert all(point.parameters <= curve.parameters for point in line)
        assert curve.increase(line[0]).mean > curve.increase(line[-1]).mean
    for uniform, budget in zip(curve.line("uniform"), curve.line("budget"), strict=False):
        assert budget.parameters <= uniform.parameters == budget.setting


def test_how_the_data_use_the_update(trained: RunFolder) -> None:
    """C = E[xxᵀ] is formed, and the gradient taken with respect to W₀+ΔW itself."""
    use = measured(trained, "use", rows="training", examples=10)
    deltas = dense_updates(trained)
    model = merged_model(trained, deltas)
    inputs: dict[str, list[torch.Tensor]] = {name: [] for name in deltas}
    for name, seen in inputs.items():
        model.get_submodule(name).register_forward_pre_hook(
            lambda _, args, seen=seen: seen.append(args[0][0].detach())
        )
    rows = {row.row: row for row in rows_of_run(trained, held_out=False)}
    losses = [
        loss_of(model, row) / row.trained_tokens
        for row in (rows[number] for number in _chosen(trained, 10))
    ]
    torch.stack(losses).mean().backward()
    for name, delta in deltas.items():
        module, x = use.by_name[name], torch.cat(inputs[name])
        covariance = (x.T @ x / len(x)).numpy()
        values = np.linalg.svd(delta @ square_root(covariance), compute_uv=False)[:6]
        assert module.functional == pytest.approx(values, rel=1e-4, abs=1e-7 * values[0])
        u, _, vt = np.linalg.svd(delta, full_matrices=False)
        gradient = model.get_submodule(name).weight.grad.numpy()
        slopes = [u[:, k] @ gradient @ vt[k] for k in range(6)]
        assert module.sensitivity == pytest.approx(slopes, rel=1e-3, abs=1e-7)
    assert use.tokens == len(x)
    assert use.batches == 10


def _chosen(run: RunFolder, most: int) -> list[int]:
    """The rows that a limit leaves, as the job draws them."""
    from core.evidence import bench

    rows = [row.row for row in rows_of_run(run, held_out=False)]
    return [rows[i] for i in sorted(bench.Random(bench._SEED).sample(range(len(rows)), most))]


def test_before_and_after(trained: RunFolder) -> None:
    changes = (
        Change(kind="rank", value=2),
        Change(kind="energy", value=0.9),
        Change(kind="damp", value=1.0),
        Change(kind="damp", value=0.0),
        Change(kind="cap", value=1e6),
    )
    result = measured(trained, "losses", changes=changes)
    names = ["base", "full", "rank 2", "energy 0.9", "damping 1", "damping 0", "cap 1e+06"]
    assert [side.name for side in result.sides] == names
    curve = measured(trained)
    at_two = next(point for point in curve.line("uniform") if point.setting == 2)
    assert result.side("rank 2").task == pytest.approx(at_two.losses, rel=1e-6)
    assert result.side("rank 2").parameters == at_two.parameters
    for same in ("damping 1", "cap 1e+06"):
        assert result.side(same).task == pytest.approx(result.side("full").task, rel=1e-5)
        assert result.side(same).residual < 1e-9
    assert abs(result.change("damping 0", "task").mean) > 1e-4
    assert len(result.general_tokens) > 25
    assert result.change("full", "general", "base").error > 0


def test_row_lengths_of_dora_keep_their_loss_in_the_gauge(train_run: Train) -> None:
    run = train_run("dora", adapter__method="dora")
    curve = measured(run, modes=("uniform",))
    last = of(Evaluated, list(run.events()))[-1].loss
    assert curve.full_loss.mean == pytest.approx(last, rel=1e-5)
    assert {point.mode for point in curve.points} == {"uniform"}


def test_four_bit_weights_are_compared_as_what_they_stand_for(train_run: Train) -> None:
    from bitsandbytes.functional import dequantize_4bit, quantize_4bit
    from safetensors.torch import load_file

    run = train_run("four-bit", model__bits=4)
    comparison = measured(run, "base")
    assert comparison.bits == 4
    name = "model.layers.0.mlp.up_proj"
    weights = load_file(Path(run.settings.model.source) / "model.safetensors")
    packed, state = quantize_4bit(
        weights[f"{name}.weight"], quant_type="nf4", compress_statistics=True
    )
    stands_for = torch.linalg.svdvals(dequantize_4bit(packed, state).double())
    found = comparison.by_name[name].base_sigma
    assert found == pytest.approx(stands_for.numpy(), rel=1e-4)
    assert found != pytest.approx(torch.linalg.svdvals(weights[f"{name}.weight"]).numpy(), rel=1e-3)


def test_what_was_measured_is_not_measured_again(
    trained: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = EvidenceRequest.of_run(trained, modes=("uniform",))
    first = events_of(request)[-1]
    monkeypatch.setattr("core.evidence.bench.open_bench", lambda *_: pytest.fail("loaded again"))
    assert events_of(request) == [
        Reply(data=first.data, seconds=pytest.approx(first.seconds, abs=60))
    ]
    assert Path(first.data["path"]).parent == trained.ranks_dir
    other = EvidenceRequest.of_run(trained, modes=("uniform",), examples=3)
    assert other.file() != request.file()


def test_the_model_stays_loaded_and_whole(trained: RunFolder) -> None:
    desk = EvidenceDesk()
    with ignored_warnings():
        for measure in ("curve", "losses"):
            request = EvidenceRequest.of_run(trained, measure, examples=5)
            list(desk.run(request, Control()))
            bench = desk._bench
            assert bench is not None
            assert not any(parameter.grad is not None for parameter in bench.model.parameters())
            for name, part in bench.gauge.parts.items():
                product = bench.gauge.b(name) @ bench.gauge.a(name) * bench.gauge.scaling(name)
                whole = (part.u * part.sigma) @ part.v.T
                assert product.detach().numpy() == pytest.approx(whole, abs=1e-6)
        request = EvidenceRequest.of_run(trained, "use", rows="training", examples=7)
        list(desk.run(request, Control()))
    assert desk._bench is bench
    again = request.result()
    request.file().unlink()
    fresh = measured(trained, "use", rows="training", examples=7)
    assert again.model_dump_json() == fresh.model_dump_json()


def test_a_stop_leaves_no_result(trained: RunFolder) -> None:
    request = EvidenceRequest.of_run(trained, examples=4)
    control, events = Control(), []
    with ignored_warnings():
        for event in EvidenceDesk().run(request, control):
            events.append(event)
            if getattr(event, "phase", "") == "evaluating":
                control.stop()
    assert isinstance(events[-1], RunEnded)
    assert events[-1].outcome == "stopped"
    assert request.result() is None


def test_without_held_out_rows_it_says_what_to_do(trained: RunFolder) -> None:
    settings = trained.settings.with_changes({"data.held_out": 0.0})
    request = EvidenceRequest(adapter=str(trained.path), settings=settings)
    with pytest.raises(UserError, match="No rows are held out"):
        events_of(request)


def test_an_untrained_adapter_has_nothing_to_lose(trained: RunFolder, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    for name in ("adapter_config.json", "adapter_model.safetensors"):
        (tmp_path / name).write_bytes((trained.adapter_dir / name).read_bytes())
    file = tmp_path / "adapter_model.safetensors"
    save_file({k: v * ("lora_A" in k) for k, v in load_file(file).items()}, file)
    request = EvidenceRequest(
        adapter=str(tmp_path), settings=trained.settings, examples=4, modes=("uniform",)
    )
    events_of(request)
    curve = request.result()
    assert isinstance(curve, LossCurve)
    assert curve.gain.mean == pytest.approx(0.0, abs=1e-7)
    assert judge(curve).kind == "unknown"
    assert job.Shelf(tmp_path).folder.parent.name == "evidence"


def test_a_damped_adapter_is_what_was_measured(trained: RunFolder, tmp_path: Path) -> None:
    out = tmp_path / "damped"
    request = DampRequest(
        adapter=str(trained.path), settings=trained.settings, strength=0.5, out=str(out)
    )
    with ignored_warnings():
        reply = list(Damp().run(request, Control()))[-1]
        with pytest.raises(UserError, match="exists already"):
            list(Damp().run(request, Control()))
    result = measured(trained, "losses", changes=(Change(kind="damp", value=0.5),))
    written = EvidenceRequest(measure="losses", adapter=str(out), settings=trained.settings)
    events_of(written)
    again = written.result()
    assert isinstance(again, BeforeAfter)
    assert again.side("full").task == pytest.approx(result.side("damping 0.5").task, rel=1e-5)
    assert reply.data["intruders"] == measured(trained, "base").count("intruder") > 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["damped", "home"]
