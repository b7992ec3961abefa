"""What earlier measurements on this machine say of the memory outside of the tensors.

The tensors of a plan are derived and stay as they are. What the libraries take before the first of
them, and what the C library of a processor keeps beside them, follows from no formula and is
learned: as a line, base + share · tensors, of which a GPU has the base alone. Both numbers begin
with the bounds of the planner and move by Bayesian linear regression (Bishop, Pattern Recognition
and Machine Learning, equations 3.50, 3.51 and 3.58). Where measurements scatter by more than
`NOISE`, the noise is raised to what they show (Birge's ratio): evidence that disagrees with itself
narrows nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import hypot, sqrt
from types import MappingProxyType
from typing import TYPE_CHECKING

from core.memory.devices import Device, Overhead
from core.memory.overhead import Range, context_bytes

if TYPE_CHECKING:
    from core.memory.plan import MemoryPlan

NOISE = 0.03
"""Standard deviation of a measured peak, as a share of it, between two that are alike."""
GROWTH = 0.1
"""Of a measured peak on a processor, by which a long run may exceed the two steps of a probe: it
writes checkpoints meanwhile, and meets rows of every length. Of the starter model a run of 40 steps
took 1.57 GiB where its probe had taken 1.62; a checkpoint of its adapter can add 6 %."""
SIGMAS = 2.0
"""Standard deviations between the middle and either end of an interval."""


@dataclass(frozen=True)
class Line:
    """What is believed of base and share, as normal distributions.

    Attributes:
        base: Mean of what is taken whatever the tensors are (bytes).
        share: Mean of what is kept beside each byte of tensors.
        variances: Of the base, of the share, and between them.
        noise: Standard deviation of a measurement, as a share of its peak.
    """

    base: float
    share: float
    variances: tuple[float, float, float]
    noise: float = NOISE

    def at(self, tensors: float) -> float:
        """Return the likely overhead beside so many bytes of tensors."""
        return self.base + self.share * tensors

    def spread_at(self, tensors: float) -> float:
        """Return its standard deviation; the next measurement has noise of its own."""
        base, share, both = self.variances
        noise = self.noise * (tensors + self.at(tensors))
        return sqrt(base + 2 * both * tensors + share * tensors**2 + noise**2)


def calibrated(plan: "MemoryPlan", device: Device | None) -> "MemoryPlan":
    """Return the plan with the overhead that this machine has shown; as it is where it showed none.

    Args:
        plan: A plan with the overhead and the bounds of the planner.
        device: Where it would run, with what was measured there.
    """
    if device is None or not device.overheads:
        return plan
    tensors, on_cpu = plan.allocated_bytes, device.kind == "cpu"
    base = context_bytes(device)
    below = (plan.low_bytes - base.low) - tensors  # the error of the tensors, a negative number
    above = (plan.high_bytes - base.high) - tensors
    if on_cpu:
        line = learned(_prior(base, below / tensors, above / tensors), device.overheads, grows=True)
        overhead = line.at(tensors)
        # The measured models had their errors too, but this one may be of an unknown family.
        spread = hypot(SIGMAS * line.spread_at(tensors), below)
        low, high = tensors + overhead - spread, tensors + overhead + spread
    else:
        line = learned(_prior(base, 0.0, 0.0), device.overheads, grows=False)
        overhead = line.at(0)
        spread = SIGMAS * line.spread_at(0)
        low, high = tensors + below + overhead - spread, tensors + above + overhead + spread
    likely = max(0, round(overhead))
    return replace(
        plan,
        parts=MappingProxyType({**plan.parts, "context": likely}),
        peak_bytes=tensors + likely,
        low_bytes=max(0, round(low)),
        high_bytes=max(tensors + likely, round(high)),
        calibrated_by=len(device.overheads),
    )


def as_measured(
    plan: "MemoryPlan", measured_bytes: int, outside_bytes: int, *, on_cpu: bool
) -> "MemoryPlan":
    """Return what a probe has measured, in the form of a plan.

    What was measured beyond the planned tensors is their overhead. Where it was less, the tensors
    that come and go within a step were less.

    Args:
        plan: The plan for what the probe did.
        measured_bytes: The peak.
        outside_bytes: Of a GPU, what of that lay outside of torch's allocator. 0: the driver did
            not tell, and the planned context comes on top.
        on_cpu: It was measured on a processor.
    """
    if not (on_cpu or outside_bytes):
        measured_bytes += plan.parts["context"]
    parts = {**plan.parts, "context": max(0, measured_bytes - plan.allocated_bytes)}
    for name in ("activations", "logits", "workspace", "weights"):
        parts[name] -= min(parts[name], max(0, sum(parts.values()) - measured_bytes))
    spread = SIGMAS * NOISE
    growth = GROWTH if on_cpu else 0.0
    return replace(
        plan,
        parts=MappingProxyType(parts),
        peak_bytes=measured_bytes,
        low_bytes=round(measured_bytes * (1 - spread)),
        high_bytes=round(measured_bytes * (1 + spread + growth)),
        source="measured",
        calibrated_by=0,
    )


def as_exhausted(plan: "MemoryPlan", free_bytes: int) -> "MemoryPlan":
    """Return the least that is known after memory ran out: the run needs more than was free."""
    least = round(1.001 * free_bytes)
    raised = plan.scaled(max(1.0, least / plan.peak_bytes))
    return replace(
        raised,
        low_bytes=max(raised.low_bytes, least),
        high_bytes=max(raised.high_bytes, least),
        source="measured",
        calibrated_by=0,
    )


def learned(prior: Line, overheads: Sequence[Overhead], *, grows: bool) -> Line:
    """Return what is believed after these measurements.

    Args:
        prior: What was believed before.
        overheads: What was measured.
        grows: The overhead grows with the tensors, and over a run (on a processor).
    """
    evidence = [_evidence(seen, grows=grows) for seen in overheads]
    line = _posterior(prior, evidence)
    off = [(one.overhead - line.at(one.tensors)) / one.deviation for one in evidence]
    birge = sqrt(sum(each**2 for each in off) / len(off))
    if birge <= 1:
        return line
    noisier = [replace(one, deviation=birge * one.deviation) for one in evidence]
    return _posterior(replace(prior, noise=birge * prior.noise), noisier)


@dataclass(frozen=True)
class _Evidence:
    """A measurement as the regression takes it: x, y and the standard deviation of y."""

    tensors: float
    overhead: float
    deviation: float


def _evidence(seen: Overhead, *, grows: bool) -> _Evidence:
    """Return what a measurement says of a whole run.

    A run may take up to `GROWTH` more than a probe saw on a processor: half of it is expected.
    """
    measured = seen.measured_bytes
    if not grows:
        return _Evidence(0, seen.overhead_bytes, NOISE * measured)
    growth = GROWTH / 2 if seen.brief else 0.0
    deviation = hypot(NOISE, growth / SIGMAS)
    return _Evidence(
        seen.tensor_bytes, seen.overhead_bytes + growth * measured, deviation * measured
    )


def _prior(base: Range, below: float, above: float) -> Line:
    """Read the planner's bounds as normal distributions."""
    wide = 2 * SIGMAS
    share = (above - below) / wide
    variances = ((base.high - base.low) / wide) ** 2, share**2, 0.0
    return Line(base.likely, (above + below) / 2, variances)


def _posterior(prior: Line, evidence: Sequence[_Evidence]) -> Line:
    """Solve the two normal equations of the regression.

    They are scaled by the prior's standard deviations, so that bytes and shares are alike in size.
    """
    wide_base, wide_share = (sqrt(variance) for variance in prior.variances[:2])
    a, b, c = 1.0, 0.0, 1.0  # the precision matrix [[a, b], [b, c]], that of the prior
    right_base, right_share = 0.0, 0.0
    for one in evidence:
        x, y = wide_base / one.deviation, wide_share * one.tensors / one.deviation
        off = (one.overhead - prior.at(one.tensors)) / one.deviation
        a, b, c = a + x * x, b + x * y, c + y * y
        right_base, right_share = right_base + x * off, right_share + y * off
    whole = a * c - b * b
    return Line(
        prior.base + wide_base * (c * right_base - b * right_share) / whole,
        prior.share + wide_share * (a * right_share - b * right_base) / whole,
        (
            wide_base**2 * c / whole,
            wide_share**2 * a / whole,
            -wide_base * wide_share * b / whole,
        ),
        prior.noise,
    )
