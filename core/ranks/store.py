"""Spectra as JSON: what `rankscope ranks --json` prints and a run keeps in ranks/step-*.json."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from core.durable import replace_file
from core.errors import UserError
from core.ranks.metrics import Array
from core.ranks.null import Null
from core.ranks.spectra import AdapterInfo, AdapterSpectra, ModuleSpectrum

_NULL_DIGITS = 5  # a null is an estimate from some hundred draws


def to_document(spectra: AdapterSpectra) -> dict[str, Any]:
    """Return the JSON document of the command's contract; all numbers are finite."""
    return {
        "adapter": {
            **dataclasses.asdict(spectra.adapter),
            "base_name": spectra.adapter.base_name,
            "trained": spectra.trained,
        },
        "modules": [_module(module) for module in spectra.modules],
    }


def save_ranks(path: Path, spectra: AdapterSpectra) -> None:
    """Write the spectra to `path` atomically."""
    text = json.dumps(to_document(spectra), ensure_ascii=False, allow_nan=False)
    replace_file(path, text.encode())


def load_ranks(path: Path) -> AdapterSpectra:
    """Read what `save_ranks` wrote; scalars and nulls are computed again when asked for.

    Raises:
        UserError: The file is missing or damaged.
    """
    try:
        content = json.loads(Path(path).read_text("utf-8"))
        fields = {field.name for field in dataclasses.fields(AdapterInfo)}
        info = {key: value for key, value in content["adapter"].items() if key in fields}
        info["notes"] = tuple(info.get("notes", ()))
        return AdapterSpectra(
            tuple(_read_module(module) for module in content["modules"]), AdapterInfo(**info)
        )
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.", "Check the path.") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UserError(
            f"{path} is damaged: it holds no spectra.", "The next evaluation writes a new one."
        ) from None


def _module(module: ModuleSpectrum) -> dict[str, Any]:
    return {
        "name": module.name,
        "shape": list(module.shape),
        "rank": module.rank,
        "scaling": module.scaling,
        "trained": module.trained,
        "numerical_rank": module.numerical_rank,
        "singular_values": module.singular_values.tolist(),
        **module.scalars,
        "energy_rank": dict(module.energy_rank),
        "null": _null(module.null),
    }


def _null(null: Null) -> dict[str, Any]:
    intervals = {name: [_short(low), _short(high)] for name, (low, high) in null.intervals.items()}
    return {
        "draws": null.draws,
        "interval": [0.05, 0.95],
        "singular_values": _curves(null.singular_values),
        "cumulative_energy": _curves(null.energy),
        **intervals,
        "energy_rank": {share: list(ranks) for share, ranks in null.energy_rank.items()},
    }


def _curves(band: tuple[Array, Array]) -> dict[str, list[float]]:
    low, high = band
    return {"low": [_short(x) for x in low], "high": [_short(x) for x in high]}


def _short(value: float) -> float:
    return float(f"{value:.{_NULL_DIGITS}g}")


def _read_module(content: dict[str, Any]) -> ModuleSpectrum:
    sigma = np.array(content["singular_values"], np.float64)
    rows, columns = (int(size) for size in content["shape"])
    rank = int(content["rank"])
    if sigma.shape != (min(rows, columns, rank),) or not np.isfinite(sigma).all():
        raise ValueError("singular values do not fit the shape")
    return ModuleSpectrum(
        str(content["name"]), (rows, columns), rank, float(content["scaling"]), sigma
    )
