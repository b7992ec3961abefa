"""Measurements as JSON documents without the single examples, and in words for the terminal."""

import textwrap
from collections.abc import Iterator
from statistics import median
from typing import Any

from core.ranks import metrics
from core.ranks.against_base import BaseComparison
from core.ranks.before_after import BASE, FULL, BeforeAfter
from core.ranks.curve import MODES, LossCurve
from core.ranks.evidence import Evidence
from core.ranks.functional import FunctionalSpectra
from core.ranks.paired import Estimate
from core.ranks.verdict import TOLERANCE, is_inside, judge

_WIDTH = 92
_STRONGEST = 10
Document = dict[str, Any]


def to_document(result: Evidence, tolerance: float = TOLERANCE) -> Document:
    """Return the JSON document of a result; all numbers are finite, what is undefined is null."""
    if isinstance(result, LossCurve):
        return _curve(result, tolerance)
    if isinstance(result, FunctionalSpectra):
        return _use(result)
    if isinstance(result, BaseComparison):
        return {"measure": "base", "bits": result.bits, "modules": [*_beside(result)]}
    assert isinstance(result, BeforeAfter)
    return _losses(result)


def report(document: Document) -> str:
    """Return a document in words."""
    lines = {"curve": _tell_curve, "use": _tell_use, "base": _tell_base, "losses": _tell_losses}
    return "\n".join(lines[document["measure"]](document))


def _curve(curve: LossCurve, tolerance: float) -> Document:
    verdict = judge(curve, tolerance)
    return {
        "measure": "curve",
        "adapter": curve.adapter,
        "rank": curve.rank,
        "parameters": curve.parameters,
        "rows": curve.rows,
        "examples": curve.examples,
        "tolerance": tolerance,
        "base_loss": _estimate(curve.base_loss),
        "full_loss": _estimate(curve.full_loss),
        "gain": _estimate(curve.gain),
        "uses_its_rank": curve.uses_its_rank,
        "still_falling": curve.still_falling,
        "points": [
            {
                "mode": point.mode,
                "setting": point.setting,
                "parameters": point.parameters,
                "largest_rank": point.largest,
                "increase": _estimate(curve.increase(point)),
                "inside": is_inside(curve, point, tolerance),
            }
            for mode in MODES
            for point in curve.line(mode)
        ],
        "verdict": {
            "kind": verdict.kind,
            "title": verdict.title,
            "rank": verdict.k,
            "interval": [verdict.low, verdict.high],
            "increase": _estimate(verdict.increase),
            "essentially_rank_one": verdict.essentially_rank_one,
            "rank_one_share": verdict.rank_one_share,
            "smallest": {
                "mode": verdict.smallest.mode,
                "setting": verdict.smallest.setting,
                "parameters": verdict.smallest.parameters,
            },
            "sentence": verdict.sentence,
        },
    }


def _tell_curve(document: Document) -> Iterator[str]:
    verdict, full, base = (document[key] for key in ("verdict", "full_loss", "base_loss"))
    yield (
        f"{document['adapter']}: rank {document['rank']}, {document['parameters']:,} parameters, "
        f"{document['examples']} {document['rows']} examples"
    )
    yield f"Loss of the base model {_pm(base)}, of the adapter {_pm(full)} nats per token."
    yield ""
    yield f"{'mode':<10}  {'setting':>9}  {'parameters':>11}  {'loss increase':>18}"
    for point in document["points"]:
        mark = "  as good" if point["inside"] else ""
        increase = _pm(point["increase"], sign="+")
        yield (
            f"{point['mode']:<10}  {point['setting']:>9,g}  {point['parameters']:>11,}  "
            f"{increase:>18}{mark}"
        )
    yield f"As good: inside one standard error, or {document['tolerance']:g} nats per token."
    yield ""
    yield f"{verdict['title']}."
    yield from textwrap.wrap(verdict["sentence"], _WIDTH)
    if verdict["essentially_rank_one"]:
        yield f"Essentially rank 1: it alone brings {verdict['rank_one_share']:.0%} of the gain."


def _use(spectra: FunctionalSpectra) -> Document:
    return {
        "measure": "use",
        "tokens": spectra.tokens,
        "batches": spectra.batches,
        "uses_its_rank": spectra.uses_its_rank,
        "modules": [
            {
                **module.model_dump(mode="json"),
                "energy_rank": int(metrics.energy_rank(module.sigma, 0.95)),
                "functional_energy_rank": module.energy_rank(0.95),
                "functional_erank": module.erank,
            }
            for module in spectra.modules
        ],
    }


def _tell_use(document: Document) -> Iterator[str]:
    modules = document["modules"]
    tokens, batches = document["tokens"], document["batches"]
    yield f"{len(modules)} modules on {tokens:,} tokens, in {batches} batches"
    weights = median(module["energy_rank"] for module in modules)
    data = median(module["functional_energy_rank"] for module in modules)
    yield f"Directions for 95 %, median: {weights:g} of the weights, {data:g} on your data."
    yield ""
    components = sorted(
        (
            (abs(slope), slope, error, k, module["name"])
            for module in modules
            for k, (slope, error) in enumerate(
                zip(module["sensitivity"], module["sensitivity_error"], strict=True), start=1
            )
        ),
        reverse=True,
    )
    yield "Largest sensitivities (how the loss begins to change with σ, not what a cut would cost):"
    for _, slope, error, k, name in components[:_STRONGEST]:
        yield f"  {name}, component {k}: {slope:+.3g} ± {error:.2g}"


def _beside(comparison: BaseComparison) -> Iterator[Document]:
    for module in comparison.modules:
        intruders, k = module.intruders, module.rank
        yield {
            "name": module.name,
            "shape": list(module.shape),
            "relative_size": module.update_norm / module.base_norm if module.base_norm else None,
            "rank": k,
            "amplification": module.amplification(k),
            "alignment": module.alignment(k),
            "ceiling": module.ceiling(k),
            "outputs": module.outputs.tolist(),
            "inputs": module.inputs.tolist(),
            "reweighted": module.reweighted.tolist(),
            "intruders": {
                "verdicts": list(intruders.verdicts()),
                "low": intruders.low.tolist(),
                "high": intruders.high.tolist(),
            },
        }


def _tell_base(document: Document) -> Iterator[str]:
    modules = document["modules"]
    verdicts = [verdict for module in modules for verdict in module["intruders"]["verdicts"]]
    factors = [module["amplification"] for module in modules if module["amplification"] is not None]
    yield f"{len(modules)} modules against {document['bits']}-bit W₀"
    if factors:
        lacking = len(modules) - len(factors)
        yield (
            f"Amplification factor: median {median(factors):.3g}, "
            f"{min(factors):.3g} to {max(factors):.3g}; not defined in {lacking}."
        )
    yield (
        f"Intruder dimensions among {len(verdicts)} leading directions: "
        f"{verdicts.count('intruder')} sure, {verdicts.count('borderline')} borderline."
    )


def _losses(result: BeforeAfter) -> Document:
    return {
        "measure": "losses",
        "adapter": result.adapter,
        "sides": [
            {
                "name": side.name,
                "parameters": side.parameters,
                "residual": side.residual,
                "task": _estimate(result.loss(side.name, "task")),
                "general": _estimate(result.loss(side.name, "general")),
                "task_change": _estimate(result.change(side.name, "task", BASE)),
                "general_change": _estimate(result.change(side.name, "general", BASE)),
            }
            for side in result.sides
        ],
    }


def _tell_losses(document: Document) -> Iterator[str]:
    yield f"{document['adapter']}: nats per token, ± one standard error"
    yield f"{'':<14}  {'task':>16}  {'general text':>16}  {'forgotten':>18}"
    for side in document["sides"]:
        forgotten = "" if side["name"] == BASE else _pm(side["general_change"], sign="+")
        name = "adapter" if side["name"] == FULL else side["name"]
        yield (f"{name:<14}  {_pm(side['task']):>16}  {_pm(side['general']):>16}  {forgotten:>18}")
    yield "Forgotten: how much the loss on general text is above that of the base model, paired."


def _estimate(estimate: Estimate) -> Document:
    return {"mean": estimate.mean, "error": estimate.error}


def _pm(estimate: Document, sign: str = "") -> str:
    return f"{estimate['mean']:{sign}.4f} ± {estimate['error']:.4f}"
