"""Models that the hub's own cache already holds, found without its library.

HF_HUB_CACHE/models--ORG--NAME/refs/main names the commit, snapshots/COMMIT/ is the folder
(huggingface.co/docs/huggingface_hub/guides/manage-cache).
"""

import os
from pathlib import Path

_PREFIX = "models--"


def cache_dir() -> Path:
    """Return the folder of the hub's cache, by the same variables as its library."""
    given = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    if given:
        return Path(given).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("HF_HOME") or Path(cache) / "huggingface"
    return Path(home).expanduser() / "hub"


def cached_snapshot(hub_id: str) -> Path | None:
    """Return the newest downloaded snapshot of `hub_id` that has a config.json, or None."""
    folder = cache_dir() / (_PREFIX + hub_id.replace("/", "--"))
    try:
        commit = (folder / "refs" / "main").read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    snapshot = folder / "snapshots" / Path(commit).name
    return snapshot if commit and (snapshot / "config.json").is_file() else None


def cached_ids() -> list[str]:
    """Return the hub ids in the cache that have a config.json, by name."""
    ids = [
        folder.name.removeprefix(_PREFIX).replace("--", "/", 1)
        for folder in sorted(cache_dir().glob(f"{_PREFIX}*--*"))
    ]
    return [hub_id for hub_id in ids if cached_snapshot(hub_id) is not None]
