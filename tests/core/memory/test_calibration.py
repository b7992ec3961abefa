"""What is learned from measurements, against the matrices of the textbook and against chance."""

from dataclasses import replace

import numpy as np
import pytest

from core.memory.calibration import (
    GROWTH,
    NOISE,
    SIGMAS,
    Line,
    as_exhausted,
    as_measured,
    calibrated,
    learned,
)
from core.memory.devices import Device, Overhead
from core.memory.overhead import context_bytes
from core.memory.plan import MemoryPlan, plan_memory
from core.memory.verdict import judge
from core.settings import RunSettings
from tests.core.memory.memory_shapes import llama, model

MIB, GIB = 2**20, 2**30
CPU = Device("CPU", 64 * GIB, 60 * GIB, "cpu")
GPU = Device("RTX 4090", 24 * GIB, 23 * GIB, "cuda", 0, (8, 9))
PRIOR = Line(430.0 * MIB, 0.4, ((55.0 * MIB) ** 2, 0.225**2, 0.0))
SETTINGS = RunSettings().with_changes({"model.dtype": "bf16", "model.attention_dtype": "bf16"})


def planned(device: Device) -> MemoryPlan:
    return plan_memory(model(llama(layers=2)), SETTINGS, device=device)


def seen(tensors: float, *, base: float = 450 * MIB, share: float = 0.25) -> Overhead:
    return Overhead(round(tensors), round(base + share * tensors))


def by_matrices(overheads: list[Overhead], noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Bishop's equations 3.50 and 3.51 as they stand there."""
    before = np.diag([1 / PRIOR.variances[0], 1 / PRIOR.variances[1]])
    design = np.array([[1.0, one.tensor_bytes] for one in overheads])
    weights = np.diag([1 / (noise * one.measured_bytes) ** 2 for one in overheads])
    targets = np.array([one.overhead_bytes for one in overheads], float)
    covariance = np.linalg.inv(before + design.T @ weights @ design)
    mean = covariance @ (before @ [PRIOR.base, PRIOR.share] + design.T @ weights @ targets)
    return mean, covariance


def test_it_is_the_regression_of_the_textbook() -> None:
    overheads = [seen(GIB), seen(3 * GIB), seen(20 * GIB)]
    line = learned(PRIOR, overheads, grows=True)
    mean, covariance = by_matrices(overheads, NOISE)
    assert (line.base, line.share) == pytest.approx(tuple(mean), rel=1e-9)
    assert line.variances[:2] == pytest.approx(tuple(np.diag(covariance)), rel=1e-9)
    assert line.variances[2] == pytest.approx(covariance[0, 1], rel=1e-9)
    one = np.array([1.0, 8 * GIB])
    spread = np.sqrt(one @ covariance @ one + (NOISE * (8 * GIB + line.at(8 * GIB))) ** 2)
    assert line.spread_at(8 * GIB) == pytest.approx(float(spread), rel=1e-9)


def test_small_runs_tell_of_the_base_and_large_ones_of_the_share() -> None:
    small = learned(PRIOR, [seen(10 * MIB, share=0.9)] * 5, grows=True)
    assert small.base == pytest.approx(450 * MIB, rel=0.05)
    assert small.share == pytest.approx(PRIOR.share, abs=0.02)
    large = learned(PRIOR, [seen(40 * GIB)] * 5, grows=True)
    assert large.share == pytest.approx(0.25, abs=0.02)
    assert large.base == pytest.approx(PRIOR.base, rel=0.02)


def test_evidence_narrows_and_disagreement_does_not() -> None:
    alike = [learned(PRIOR, [seen(4 * GIB)] * n, grows=True).spread_at(4 * GIB) for n in (1, 3, 9)]
    assert alike[0] > alike[1] > alike[2] > NOISE * 5 * GIB
    torn = [seen(4 * GIB, share=0.0), seen(4 * GIB, share=0.8)] * 4
    assert learned(PRIOR, torn, grows=True).spread_at(4 * GIB) > 5 * alike[2]


def test_a_run_is_expected_to_take_more_than_a_probe_saw() -> None:
    run, brief = seen(4 * GIB), replace(seen(4 * GIB), brief=True)
    lines = [learned(PRIOR, [one] * 4, grows=True) for one in (run, brief)]
    of_runs, of_probes = (line.at(4 * GIB) + 4 * GIB for line in lines)
    assert of_probes / of_runs == pytest.approx(1 + GROWTH / 2, abs=0.02)
    assert lines[1].spread_at(4 * GIB) > lines[0].spread_at(4 * GIB)
    on_gpu = [learned(PRIOR, [one] * 4, grows=False) for one in (run, brief)]
    assert on_gpu[0] == on_gpu[1]


def test_the_interval_holds_what_comes_next() -> None:
    """Of machines drawn at random nearly all stay inside, from the first measurement on."""
    draw, inside, tries = np.random.default_rng(7), 0, 400
    for _ in range(tries):
        base, share = draw.normal(PRIOR.base, 55 * MIB), draw.normal(PRIOR.share, 0.225)
        tensors = draw.uniform(0.5, 12, size=draw.integers(2, 7)) * GIB
        exact = base + share * tensors
        noisy = exact + draw.normal(0, NOISE * (tensors + exact))
        seen = [Overhead(int(t), int(o)) for t, o in zip(tensors, noisy, strict=True)]
        *before, last = seen
        line = learned(PRIOR, before, grows=True)
        off = abs(last.overhead_bytes - line.at(last.tensor_bytes))
        inside += off <= SIGMAS * line.spread_at(last.tensor_bytes)
    assert inside / tries > 0.92


@pytest.mark.parametrize("device", [None, CPU, GPU])
def test_without_evidence_a_plan_is_as_it_was(device: Device | None) -> None:
    plan = plan_memory(model(llama(layers=2)), SETTINGS, device=device)
    assert plan.calibrated_by == 0
    assert calibrated(plan, device) is plan


def test_on_a_processor_the_overhead_moves_and_the_tensors_stay() -> None:
    before = planned(CPU)
    tensors = before.allocated_bytes
    took = Overhead(tensors, round(500 * MIB + 0.1 * tensors))
    after = planned(replace(CPU, overheads=(took,) * 3))
    assert after.calibrated_by == 3
    assert {**after.parts, "context": 0} == {**before.parts, "context": 0}
    assert sum(after.parts.values()) == after.peak_bytes
    assert after.peak_bytes == pytest.approx(took.measured_bytes, rel=0.03)
    assert after.low_bytes < took.measured_bytes < after.high_bytes
    assert after.high_bytes - after.low_bytes < 0.8 * (before.high_bytes - before.low_bytes)


def test_on_a_gpu_only_the_context_is_learned() -> None:
    before = planned(GPU)
    after = planned(replace(GPU, overheads=(Overhead(0, 520 * MIB),) * 4))
    assert after.parts["context"] == pytest.approx(520 * MIB, rel=0.03)
    assert after.allocated_bytes == before.allocated_bytes
    context = context_bytes(GPU)
    below = before.low_bytes - context.low, after.low_bytes - after.parts["context"]
    assert below[1] == pytest.approx(below[0], abs=60 * MIB)  # the bounds of the formulas stay
    assert after.high_bytes - after.low_bytes < before.high_bytes - before.low_bytes


def test_a_machine_that_took_less_than_its_tensors_has_no_negative_overhead() -> None:
    tensors = planned(CPU).allocated_bytes
    after = planned(replace(CPU, overheads=(Overhead(tensors, -tensors // 3),) * 20))
    assert after.parts["context"] >= 0
    assert sum(after.parts.values()) == after.peak_bytes


@pytest.mark.parametrize("factor", [0.2, 0.7, 1.0, 1.8])
def test_a_measured_plan_adds_up_to_what_was_measured(factor: float) -> None:
    plan = planned(CPU)
    measured = as_measured(plan, round(factor * plan.peak_bytes), 0, on_cpu=True)
    assert measured.source == "measured"
    assert sum(measured.parts.values()) == measured.peak_bytes == round(factor * plan.peak_bytes)
    assert all(size >= 0 for size in measured.parts.values())
    assert measured.low_bytes < measured.peak_bytes < measured.high_bytes


@pytest.mark.parametrize("free", [100 * MIB, 60 * GIB])
def test_where_memory_ran_out_more_is_needed_than_was_free(free: int) -> None:
    plan = as_exhausted(planned(CPU), free)
    assert judge(plan, replace(CPU, free_bytes=free)) == "does not fit"
    assert plan.peak_bytes >= planned(CPU).peak_bytes
    assert plan.low_bytes <= plan.peak_bytes <= plan.high_bytes
    assert sum(plan.parts.values()) == plan.peak_bytes


def test_where_the_driver_does_not_tell_the_context_comes_on_top() -> None:
    plan = planned(GPU)
    allocated = plan.allocated_bytes
    known = as_measured(plan, allocated + 300 * MIB, 300 * MIB, on_cpu=False)
    assert known.peak_bytes == allocated + 300 * MIB
    unknown = as_measured(plan, allocated, 0, on_cpu=False)
    assert unknown.peak_bytes == allocated + plan.parts["context"]


def test_an_unknown_family_keeps_its_wide_interval() -> None:
    tensors = planned(CPU).allocated_bytes
    device = replace(CPU, overheads=(seen(tensors),) * 20)
    shape = llama(layers=2)
    known, unknown = (
        plan_memory(model(replace(shape, known=known)), SETTINGS, device=device)
        for known in (True, False)
    )
    assert unknown.peak_bytes - unknown.low_bytes > 0.15 * unknown.peak_bytes
    assert known.peak_bytes - known.low_bytes < 0.12 * known.peak_bytes
