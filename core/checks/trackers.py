"""Are the trackers that the run names installed?"""

from core.checks.base import Finding, check
from core.checks.context import CheckContext
from core.trackers import TRACKERS, is_installed


@check("trackers")
def trackers(context: CheckContext) -> Finding | None:
    """Warn of those that are missing: the run trains without them."""
    chosen = context.settings.tracking.trackers
    missing = [TRACKERS[name] for name in chosen if not is_installed(name)]
    if missing:
        titles = ", ".join(kind.title for kind in missing)
        packages = " ".join(kind.package for kind in missing)
        return Finding("warn", f"Not installed: {titles}.", f"pip install {packages}")
    titles = ", ".join(TRACKERS[name].title for name in chosen)
    return Finding("ok", f"Trackers: {titles}." if titles else "No tracker was asked for.")
