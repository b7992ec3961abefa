"""Do products and quantized weights work on the device?"""

from core.checks.base import Finding, check
from core.checks.context import CheckContext


@check("device-works", 1, 2)
def device_works(context: CheckContext) -> Finding | None:
    """Block where a product fails, or one with weights of the run's bits."""
    trial = context.trial
    if trial is None:
        return None
    if trial.products:
        return Finding(
            "block",
            f"PyTorch cannot compute on this device ({trial.name}): {trial.products}.",
            "Install the build of PyTorch for this GPU; the README says how.",
        )
    bits = context.settings.model.bits
    if trial.quantized:
        return Finding(
            "block",
            f"{bits}-bit weights do not work here: {trial.quantized}.",
            "Set model.bits to 16 (LoRA).",
            {"model.bits": 16},
        )
    return Finding("ok", f"Products and {bits}-bit weights work on this device ({trial.name}).")
