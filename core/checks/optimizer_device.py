"""Does the optimizer work on the device?"""

from core.checks.base import Finding, check
from core.checks.context import CheckContext


@check("optimizer-device")
def optimizer_device(context: CheckContext) -> Finding | None:
    """Block paged states where there is no NVIDIA GPU whose memory they could leave."""
    if context.device is None:
        return None
    optimizer = context.settings.training.optimizer
    if optimizer == "paged_adamw8bit" and context.device.kind == "cpu":
        message = "Paged 8-bit AdamW needs an NVIDIA GPU, and this computer has none."
        fix = "Set training.optimizer to adamw8bit: the same numbers, without paging."
        return Finding("block", message, fix, {"training.optimizer": "adamw8bit"})
    return Finding("ok", f"The optimizer {optimizer} works on this device.")
