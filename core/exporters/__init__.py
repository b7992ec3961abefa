"""Formats that a run or an adapter can be exported to, one file each, found by walking."""

from core.exporters.base import EXPORTERS, AdapterProfile, Exporter
from core.registry import import_siblings

__all__ = ["EXPORTERS", "AdapterProfile", "Exporter"]

import_siblings(__name__)
