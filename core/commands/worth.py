"""What a direction is worth when an adapter of a run is cut, as it was measured with its data."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from core.errors import UserError
from core.jobs.evidence import EvidenceRequest, Measure
from core.ranks.against_base import BaseComparison
from core.ranks.evidence import Evidence
from core.ranks.functional import FunctionalSpectra
from core.ranks.metrics import Array
from core.run_folder import RunFolder

By = Literal["weights", "data", "sensitivity"]
BY: tuple[By, ...] = get_args(By)


def worth_of(adapter: Path, by: By) -> Mapping[str, Array] | None:
    """Return the worth of each component by module, None for σ².

    Args:
        adapter: A run folder.
        by: "data": E‖σ_k·u_k·v_kᵀx‖² on the rows that were trained on. "sensitivity": σ_k·|g_k|,
            by how much the loss would begin to change without the component, per σ_k.

    Raises:
        UserError: It is no run, or was not measured.
    """
    if by == "weights":
        return None
    use = _measured(adapter, "use")
    assert isinstance(use, FunctionalSpectra)
    if by == "data":
        return {module.name: module.energies for module in use.modules}
    return {module.name: module.sigma * np.abs(module.sensitivity) for module in use.modules}


def floors_of(adapter: Path, share: float) -> dict[str, float]:
    """Return a share of ‖W₀‖ by module.

    Raises:
        UserError: It is no run, or was not measured.
    """
    base = _measured(adapter, "base")
    assert isinstance(base, BaseComparison)
    return {module.name: share * module.base_norm for module in base.modules}


def _measured(adapter: Path, measure: Measure) -> Evidence:
    request = EvidenceRequest.of_run(RunFolder.open(adapter), measure)
    found = (request.as_use() if measure == "use" else request).result()
    if found is None:
        what = f"{measure} --rows training" if measure == "use" else measure
        raise UserError(
            f"{adapter.name} was not measured for this.",
            f"Measure it first: `rankscope evidence {adapter} --measure {what}`.",
        )
    return found
