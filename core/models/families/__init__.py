"""The families of models whose tensors can be told from config.json alone, one or more a file."""

from core.models.families.base import FAMILIES, Family, Layout
from core.registry import import_siblings

import_siblings(__name__)

__all__ = ["FAMILIES", "Family", "Layout"]
