"""R8: divergence is told from what only looks like it; twenty courses of each kind."""

from tests.core.training.test_spikes import (
    DIVERGING,
    HARMLESS,
    found,
    kill_loss_spike,
    megatron,
    ours,
)
from tests.proof.harness import Report, short_and_full


@short_and_full("full", False, True)
def test_divergence_is_told_from_noise(report: Report, full: bool) -> None:
    missed = [f"course {i} was missed" for i, c in enumerate(DIVERGING) if ours(c) is None]
    false = [f"course {i} is harmless" for i, c in enumerate(HARMLESS) if ours(c) is not None]
    theirs = found(kill_loss_spike, DIVERGING), found(megatron, DIVERGING)
    detail = (
        f"{len(DIVERGING) - len(missed)} of {len(DIVERGING)} found, {len(false)} false alarms; "
        f"KillLossSpike finds {theirs[0]}, Megatron's rule {theirs[1]}"
    )
    report.claim("R8", [*missed, *false], len(DIVERGING) + len(HARMLESS), detail)
