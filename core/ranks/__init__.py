"""The singular values of what an adapter learned, their sums and their nulls; NumPy only."""

from core.ranks.base_weights import BaseWeights, check_base
from core.ranks.find import find_adapter
from core.ranks.null import Null
from core.ranks.read_adapter import AdapterFiles, adapter_spectra
from core.ranks.spectra import (
    AdapterInfo,
    AdapterSpectra,
    ModuleSpectrum,
    in_order,
    spectra_of,
)
from core.ranks.store import load_ranks, save_ranks, to_document
from core.ranks.update import Decomposition, Update, concatenate, decompose, singular_values

__all__ = [
    "AdapterFiles",
    "AdapterInfo",
    "AdapterSpectra",
    "BaseWeights",
    "Decomposition",
    "ModuleSpectrum",
    "Null",
    "Update",
    "adapter_spectra",
    "check_base",
    "concatenate",
    "decompose",
    "find_adapter",
    "in_order",
    "load_ranks",
    "save_ranks",
    "singular_values",
    "spectra_of",
    "to_document",
]
