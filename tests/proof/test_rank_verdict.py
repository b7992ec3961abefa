"""What the truncation-loss curve says about the starter model at r = 64, against training directly.

RANKSCOPE_PROOF_ROWS and RANKSCOPE_PROOF_STEPS make it shorter. The result goes into docs/ranks.md.
"""

import os
from pathlib import Path
from typing import Any

import pytest

from core.control import Control
from core.jobs.evidence import EvidenceDesk, EvidenceRequest, Measure
from core.paths import resources_dir
from core.ranks.before_after import FULL, BeforeAfter
from core.ranks.curve import LossCurve
from core.ranks.evidence import Evidence
from core.ranks.paired import Estimate, increase
from core.ranks.verdict import Verdict, judge
from core.run_folder import RunFolder
from core.settings import RunSettings
from tests.core.training.engine import ended, ignored_warnings, run_all
from tests.proof.harness import ROOT

ROWS = int(os.environ.get("RANKSCOPE_PROOF_ROWS", "2000"))
STEPS = int(os.environ.get("RANKSCOPE_PROOF_STEPS", "250"))
RANK = 64
HELD_OUT = 0.11  # some 250 of 2,250 rows
PAGE = ROOT / "docs" / "ranks.md"
BEGIN, END = "<!-- rank proof: begin -->\n", "<!-- rank proof: end -->\n"


@pytest.mark.slow
@pytest.mark.usefixtures("starter_model", "quick_proof")
def test_rank_verdict(tmp_path: Path) -> None:
    data = first_rows(tmp_path / "rows.jsonl", round(ROWS / (1 - HELD_OUT)))
    wide = train_at(RANK, tmp_path / "wide", data)
    curve = measured(wide, "curve", modes=("uniform", "energy"))
    assert isinstance(curve, LossCurve)
    verdict = judge(curve)

    direct = measured(train_at(verdict.k, tmp_path / "direct", data), "losses")
    assert isinstance(direct, BeforeAfter)
    assert (direct.task_tokens == curve.tokens).all()  # the same examples in the same order
    point = next(p for p in curve.line("uniform") if p.largest == verdict.k)
    apart = increase(point.losses, direct.side(FULL).task, curve.tokens)
    write_result(told(curve, verdict, direct.loss(FULL, "task"), apart))

    assert curve.gain.mean > 2 * curve.gain.error
    assert curve.full_loss.mean == pytest.approx(wide.state().best_loss, rel=1e-3)


def first_rows(path: Path, count: int) -> Path:
    lines = (resources_dir() / "data" / "wordnet_definitions.jsonl").read_text("utf-8").splitlines()
    path.write_text("\n".join(lines[:count]) + "\n", "utf-8")
    return path


def train_at(rank: int, folder: Path, data: Path) -> RunFolder:
    """Train with the same rows, seed and scaling α/r = 2; only the rank differs."""
    settings = RunSettings().with_changes(
        {
            "name": f"rank-{rank}",
            "data.path": str(data),
            "data.held_out": HELD_OUT,
            "adapter.rank": rank,
            "adapter.alpha": 2.0 * rank,
            "training.steps": STEPS,
            "training.evaluate_every": STEPS,
            "training.checkpoint_every": STEPS,
            "training.samples": 0,
        }
    )
    run = RunFolder.create(folder, settings)
    assert ended(run_all(run)).outcome == "finished"
    return run


def measured(run: RunFolder, measure: Measure, **options: Any) -> Evidence | None:
    request = EvidenceRequest.of_run(run, measure, examples=1000, **options)
    with ignored_warnings():
        for _ in EvidenceDesk().run(request, Control()):
            pass
    return request.result()


def told(curve: LossCurve, verdict: Verdict, direct: Estimate, apart: Estimate) -> str:
    names = {"uniform": "k = {:g}", "energy": "τ = {:g}"}
    table = "".join(
        f"| {names[mode].format(point.setting)} | {point.parameters:,} | "
        f"{pm(curve.increase(point))} |\n"
        for mode in ("uniform", "energy")
        for point in curve.line(mode)
    )
    better = "above" if apart.mean > 0 else "below"
    agree = abs(apart.mean) <= max(2 * apart.error, 0.005)
    return (
        f"The starter model, {STEPS} steps on {ROWS:,} rows at r = {RANK} (α/r = 2, seed 7), "
        f"measured on {curve.examples} held-out rows: base model {pm(curve.base_loss)}, adapter "
        f"{pm(curve.full_loss)} nats per token.\n\n"
        f"| Kept | Parameters | Loss above r = {RANK}, paired |\n|---|---|---|\n"
        f"{table}\n"
        f"**{verdict.title}.** {verdict.sentence}\n\n"
        f"Trained directly at rank {verdict.k}, with the same rows, seed and α/r: "
        f"{pm(direct)}. The adapter truncated to rank {verdict.k} is "
        f"{abs(apart.mean):.4f} ± {apart.error:.4f} {better} that, paired: "
        + ("both agree" if agree else "they do not agree")
        + " within two standard errors or 0.005.\n"
    )


def pm(estimate: Estimate) -> str:
    return f"{estimate.mean:.4f} ± {estimate.error:.4f}"


def write_result(text: str) -> None:
    before, rest = PAGE.read_text("utf-8").split(BEGIN)
    _, after = rest.split(END)
    PAGE.write_text(before + BEGIN + text + END + after, "utf-8")
