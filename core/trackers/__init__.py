"""Trackers, one file each, found by walking this folder."""

from core.registry import import_siblings
from core.trackers.base import TRACKERS, TrackedRun, Tracker, is_installed

__all__ = ["TRACKERS", "TrackedRun", "Tracker", "is_installed"]

import_siblings(__name__)
