"""Spectra as JSON: what `rankscope ranks --json` prints and a run keeps in ranks/step-*.json."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from core.durable import replace_file
from core.errors import UserError
from core.ranks.dora import DoraSplit
from core.ranks.families import ScaleVector
from core.ranks.kronecker import Block
from core.ranks.metrics import Array
from core.ranks.null import Null
from core.ranks.spectra import AdapterInfo, AdapterSpectra, ModuleSpectrum

_NULL_DIGITS = 5  # a null is an estimate from some hundred draws
_LIVE_DIGITS = 7


def to_document(spectra: AdapterSpectra) -> dict[str, Any]:
    """Return the JSON document of the command's contract; all numbers are finite."""
    return {
        "adapter": {
            **dataclasses.asdict(spectra.adapter),
            "base_name": spectra.adapter.base_name,
            "trained": spectra.trained,
            "layer_concentration": spectra.layer_concentration,
            "vectors": [_vector(vector) for vector in spectra.vectors],
        },
        "modules": [_module(module) for module in spectra.modules],
    }


def save_ranks(path: Path, spectra: AdapterSpectra) -> None:
    """Write the spectra to `path` atomically.

    The singular values alone: all else follows from them. What is good to a floor only (algorithm
    G) is written with seven digits.
    """
    content = {
        "adapter": dataclasses.asdict(spectra.adapter),
        "modules": [_kept(module) for module in spectra.modules],
    }
    replace_file(path, json.dumps(content, ensure_ascii=False, allow_nan=False).encode())


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


def _kept(module: ModuleSpectrum) -> dict[str, Any]:
    """Return what a file keeps of a module."""
    sigma: list[float] = module.singular_values.tolist()
    kept = {
        "name": module.name,
        "shape": list(module.shape),
        "rank": module.rank,
        "scaling": module.scaling,
        "singular_values": [_short(x, _LIVE_DIGITS) for x in sigma] if module.floor else sigma,
    }
    extras = {"blocks": module.blocks, "floor": module.floor, "base_norm": module.base_norm}
    return kept | {name: value for name, value in extras.items() if value}


def _module(module: ModuleSpectrum) -> dict[str, Any]:
    return {
        **_kept(module),
        "trained": module.trained,
        "numerical_rank": module.numerical_rank,
        **module.scalars,
        "energy_rank": dict(module.energy_rank),
        "nuclear_rank": dict(module.nuclear_rank),
        "relative_size": module.relative_size,
        "base_rank": dict(module.base_rank),
        "dora": _dora(module.dora) if module.dora else None,
        "null": _null(module.null),
    }


def _dora(parts: DoraSplit) -> dict[str, Any]:
    return {
        "magnitude_part": parts.magnitude_part,
        "directional_part": parts.directional_part,
        "ratios": [_short(x) for x in parts.ratios],
    }


def _vector(vector: ScaleVector) -> dict[str, Any]:
    return {
        "name": vector.name,
        "side": vector.side,
        "changed": vector.changed,
        "values": vector.values.tolist(),
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
        "nuclear_rank": {share: list(ranks) for share, ranks in null.nuclear_rank.items()},
    }


def _curves(band: tuple[Array, Array]) -> dict[str, list[float]]:
    low, high = band
    return {"low": [_short(x) for x in low], "high": [_short(x) for x in high]}


def _short(value: float, digits: int = _NULL_DIGITS) -> float:
    return float(f"{value:.{digits}g}")


def _read_module(content: dict[str, Any]) -> ModuleSpectrum:
    sigma = np.array(content["singular_values"], np.float64)
    rows, columns = (int(size) for size in content["shape"])
    rank = int(content["rank"])
    if sigma.shape != (min(rows, columns, rank),) or not np.isfinite(sigma).all():
        raise ValueError("singular values do not fit the shape")
    return ModuleSpectrum(
        str(content["name"]),
        (rows, columns),
        rank,
        float(content["scaling"]),
        sigma,
        blocks=tuple(_block(block) for block in content.get("blocks", ())),
        floor=float(content.get("floor", 0.0)),
        base_norm=float(content.get("base_norm", 0.0)),
    )


def _block(content: list[int]) -> Block:
    rows, columns, width = (int(size) for size in content)
    return rows, columns, width
