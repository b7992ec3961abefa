"""Families of adapters, one file each, found by walking this folder."""

from core.ranks.families.base import (
    FAMILIES,
    Change,
    Description,
    Family,
    ScaleVector,
    StoredModule,
    by,
)
from core.registry import import_siblings

import_siblings(__name__)

__all__ = ["FAMILIES", "Change", "Description", "Family", "ScaleVector", "StoredModule", "by"]
