"""Is the computer on mains power?"""

import psutil

from core.checks.base import Finding, check
from core.checks.context import CheckContext


@check("power", 35)
def power(context: CheckContext) -> Finding | None:
    """Warn of a battery that a run would empty."""
    if context.device is None:
        return None
    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    if battery is not None and not battery.power_plugged:
        message = f"The computer runs on its battery ({battery.percent:.0f} %)."
        return Finding("warn", message, "Plug it in: a run takes all the power that there is.")
    return Finding("ok", "The computer does not depend on a battery.")
