"""Is the scaling of the adapter in the band that usually works?"""

import math

from core.checks.base import Finding, check
from core.checks.context import CheckContext

LOW, HIGH = 0.25, 4.0
"""Of α/r. The LoRA paper uses 1 and 2 (arXiv:2106.09685, appendix D), most recipes 1 to 2."""


@check("adapter-strength", 30)
def adapter_strength(context: CheckContext) -> Finding | None:
    """Say so where α/r is far from what recipes use; rsLoRA's α/√r is held to α/√r at r = 16."""
    adapter = context.settings.adapter
    rank, alpha = getattr(adapter, "rank", 0), getattr(adapter, "alpha", 0.0)
    if not rank:
        return Finding("ok", "This method has no scaling to choose.")
    root = adapter.method == "rslora"
    scaling = alpha / (math.sqrt(rank) if root else rank)
    usual = math.sqrt(16) if root else 1.0
    ratio = "α/√r" if root else "α/r"
    if not LOW * usual <= scaling <= HIGH * usual:
        likely = "learn hardly anything" if scaling < usual else "diverge"
        message = f"A scaling {ratio} of {scaling:.3g} is unusual: the run may {likely}."
        mended = 2.0 * (math.sqrt(rank) * usual / 2 if root else rank)
        fix = f"Set adapter.alpha to {mended:g}, or lower the learning rate with it."
        return Finding("warn", message, fix, {"adapter.alpha": mended})
    return Finding("ok", f"A scaling {ratio} of {scaling:.3g} is usual.")
