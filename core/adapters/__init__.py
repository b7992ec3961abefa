"""Adapter methods, one file each, found by walking this folder."""

from core.adapters.base import ADAPTERS, Adapter, AdapterSettings
from core.registry import import_siblings

__all__ = ["ADAPTERS", "Adapter", "AdapterSettings"]

import_siblings(__name__)
