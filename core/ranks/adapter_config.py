"""What adapter_config.json of a PEFT folder says about rank and scaling."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import UserError

MAX_RANK = 4096
_MUTATING_STARTS = ("pissa", "olora", "corda", "lora_ga", "loftq")
_TOO_LONG = 10_000_000


@dataclass(frozen=True)
class AdapterConfig:
    """The part of the file that decides ΔW.

    Attributes:
        family: "lora", "rslora" or "dora".
        ranks, alphas: Exceptions by pattern (`rank_pattern`, `alpha_pattern`).
        start: How B·A was initialised, where that changed the base model ("pissa", …), or "".
    """

    family: str
    rank: int
    alpha: float
    square_root: bool
    ranks: Mapping[str, int]
    alphas: Mapping[str, float]
    base_model: str
    start: str

    def rank_of(self, module: str) -> int:
        """Return r of one module."""
        return self.ranks.get(_matching(self.ranks, module), self.rank)

    def scaling_of(self, module: str) -> float:
        """Return s of one module: α/r, for rsLoRA α/√r."""
        rank = self.rank_of(module)
        alpha = self.alphas.get(_matching(self.alphas, module), self.alpha)
        return alpha / (math.sqrt(rank) if self.square_root else rank)


def read_config(file: Path) -> AdapterConfig:
    """Read an adapter_config.json.

    Raises:
        UserError: The file is missing or damaged, or belongs to another kind of adapter.
    """
    content = _json(file)
    kind = content.get("peft_type", "LORA")
    if kind != "LORA":
        raise UserError(
            f"{file.parent.name} is a {kind} adapter.",
            "The rank explorer reads LoRA, rsLoRA and DoRA.",
        )
    if content.get("target_parameters"):
        raise UserError(
            f"{file.parent.name} adapts bare parameters (target_parameters), not modules.",
            "The rank explorer reads adapters of linear, embedding and convolution layers.",
        )
    square_root = bool(content.get("use_rslora"))
    start = content.get("init_lora_weights")
    mutated = isinstance(start, str) and start.startswith(_MUTATING_STARTS)
    return AdapterConfig(
        family="dora" if content.get("use_dora") else "rslora" if square_root else "lora",
        rank=_rank("r", content.get("r")),
        alpha=_alpha("lora_alpha", content.get("lora_alpha")),
        square_root=square_root,
        ranks={key: _rank(key, value) for key, value in _pattern(content, "rank_pattern")},
        alphas={key: _alpha(key, value) for key, value in _pattern(content, "alpha_pattern")},
        base_model=str(content.get("base_model_name_or_path") or ""),
        start=str(start) if mutated else "",
    )


def _json(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > _TOO_LONG:
            raise ValueError
        content = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.", "Check the path.") from None
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise UserError(f"{file} is damaged: it is no JSON object.", "Save the adapter again.")
    return content


def _pattern(content: dict[str, Any], key: str) -> list[tuple[str, Any]]:
    pattern = content.get(key) or {}
    if not isinstance(pattern, dict):
        raise UserError(f"{key} in adapter_config.json is no table.", "Save the adapter again.")
    for expression in pattern:
        try:
            re.compile(expression)
        except re.error as error:
            raise UserError(
                f"{key} in adapter_config.json: {expression!r} is no pattern ({error}).",
                "Write module names, or regular expressions.",
            ) from None
    return list(pattern.items())


def _rank(key: str, value: Any) -> int:
    if type(value) is not int or not 1 <= value <= MAX_RANK:
        raise UserError(
            f"adapter_config.json: the rank {key} = {value!r} is not between 1 and {MAX_RANK}.",
            "Save the adapter again with PEFT.",
        )
    return value


def _alpha(key: str, value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise UserError(
            f"adapter_config.json: alpha {key} = {value!r} is no finite number.",
            "Save the adapter again with PEFT.",
        )
    return float(value)


def _matching(patterns: Mapping[str, Any], module: str) -> str:
    """Return the first pattern that matches, as PEFT does: whole name or its last parts."""
    return next((key for key in patterns if re.match(rf"(.*\.)?({key})$", module)), module)
