"""Why: what each setting, each part of memory and each measure of ranks is about.

The first sentence is for a newcomer; what follows says more, and where it comes from.
"""

from app.why.base import Why
from app.why.memory import EVIDENCE, MEMORY, SOURCE
from app.why.ranks import RANKS
from app.why.settings import SETTINGS

__all__ = ["EVIDENCE", "MEMORY", "RANKS", "SETTINGS", "SOURCE", "Why"]
