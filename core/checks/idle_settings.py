"""Is a setting changed that does nothing beside the others?"""

from operator import attrgetter

from core.checks.base import Finding, check
from core.checks.context import CheckContext
from core.settings import RunSettings, without_effect


@check("idle-settings")
def idle_settings(context: CheckContext) -> Finding | None:
    """Name the first setting that somebody changed to no effect, and say why it has none."""
    usual = RunSettings()
    for key, why in without_effect(context.settings).items():
        value = attrgetter(key)
        if value(context.settings) != value(usual):
            fix = f"Leave {key} at {value(usual)}, or change what it depends on."
            return Finding("info", f"{key} has no effect. {why}", fix, {key: value(usual)})
    return Finding("ok", "Every setting that was changed has an effect.")
