"""The learned lengths of DoRA (arXiv:2402.09353) and what they add to the directional part.

W becomes D·(W₀ + s·B·A) with D = diag(m/‖W₀ + s·B·A‖), so that ΔW = (D − I)·W₀ + s·(D·B)·A. Two
conventions exist: PEFT and Diffusers keep one length per output (per row of W), kohya and LyCORIS
have files with one per input (per column), stored as (1, in). D then stands on the right.
"""

from dataclasses import dataclass

import numpy as np

from core.ranks.families import StoredModule
from core.ranks.metrics import Array
from core.ranks.update import Update

ROWS, COLUMNS = "rows", "columns"


@dataclass(frozen=True, eq=False)
class Magnitude:
    """m of one module: the lengths of the rows or of the columns of W."""

    lengths: Array
    side: str


@dataclass(frozen=True, eq=False)
class DoraSplit:
    """ΔW of a DoRA module in two parts, with its base model at hand.

    Attributes:
        ratios: The diagonal of D; 1 leaves a length as it is.
        magnitude_part: ‖(D − I)·W₀‖ in the Frobenius norm.
        directional_part: ‖s·(D·B)·A‖.
        directional: s·(D·B)·A in factors.
    """

    ratios: Array
    magnitude_part: float
    directional_part: float
    directional: Update


def read_magnitude(module: StoredModule, shape: tuple[int, int]) -> Magnitude:
    """Return the learned lengths of a module whose W has `shape`.

    Raises:
        UserError: They fit neither the rows nor the columns of W.
    """
    values = module.tensor("magnitude")
    rows, columns = shape
    flat = values.ravel()
    per_column = _is_per_column(module, values)
    if len(flat) == rows and not (per_column and rows == columns):
        return Magnitude(flat, ROWS)
    if len(flat) == columns and (per_column or values.ndim == 1):
        return Magnitude(flat, COLUMNS)
    raise module.misfit("magnitude", *(part for part in module.keys if part != "magnitude"))


def split(update: Update, magnitude: Magnitude, w0: Array) -> DoraSplit:
    """Return D and both parts of ΔW.

    The lengths ‖w_i + s·b_i·A‖² = ‖w_i‖² + 2s·b_i·(A·w_i) + s²·b_i·(A·Aᵀ)·b_iᵀ need no ΔW.

    Args:
        update: s·B·A.
        magnitude: m.
        w0: W₀, (m, n).
    """
    b, a = update.scaling * update.b, update.a
    along_rows = magnitude.side == ROWS
    w, left, right = (w0, b, a) if along_rows else (w0.T, a.T, b.T)
    lengths = np.einsum("ij,ij->i", w, w)
    crossed = np.einsum("ij,ij->i", left, w @ right.T)
    added = np.einsum("ij,ij->i", left @ (right @ right.T), left)
    now = np.sqrt(np.maximum(lengths + 2 * crossed + added, 0.0))
    ratios = np.divide(magnitude.lengths, now, out=np.ones_like(now), where=now > 0)
    directional = (
        Update(update.name, ratios[:, None] * b, a)
        if along_rows
        else Update(update.name, b, a * ratios)
    )
    moved = float(np.sqrt(((ratios - 1) ** 2 * lengths).sum()))
    return DoraSplit(ratios, moved, frobenius_of(directional), directional)


def frobenius_of(update: Update) -> float:
    """Return ‖s·B·A‖ = |s|·√tr(BᵀB·AAᵀ), without a decomposition."""
    squared = np.einsum("ij,ij->", update.b.T @ update.b, update.a @ update.a.T)
    return abs(update.scaling) * float(np.sqrt(max(squared, 0.0)))


def _is_per_column(module: StoredModule, values: Array) -> bool:
    """Tell whether a shape such as (1, in) says columns; PEFT's vectors of convolutions do not."""
    row_by_key = "lora_magnitude_vector" in module.keys["magnitude"]
    if "lora_embedding_A" in module:  # PEFT takes the lengths along the tokens
        return True
    return not row_by_key and values.ndim > 1 and values.shape[0] == 1
