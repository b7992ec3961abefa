"""What adapter_config.json of a PEFT folder says about rank and scaling."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from core.errors import UserError

MAX_RANK = 4096
_MUTATING_STARTS = ("pissa", "olora", "corda", "lora_ga", "loftq")
_WITH_ALPHAS = ("lora", "loha", "lokr")  # PEFT passes alpha_pattern by for the others
_OTHER_PRODUCTS = ("use_qalora", "use_bdlora", "kasa_config")  # ΔW is no plain s·B·A with them
_TOO_LONG = 10_000_000
# A pattern comes from a stranger, and Python's matching can take for ever: no repeated groups, and
# few repetitions, on names of a bounded length.
_REPEATED_GROUP = re.compile(r"\)[*+{]")
_REPETITION = re.compile(r"(?<!\\)[*+{]")
_MOST_REPETITIONS = 3


class _Kind(NamedTuple):
    """Which family a `peft_type` is, and what it calls rank and alpha."""

    family: str
    rank: str = "r"
    alpha: str = "lora_alpha"


_KINDS = {
    "LORA": _Kind("lora"),
    "ADALORA": _Kind("adalora", rank="init_r"),
    "LOHA": _Kind("loha", alpha="alpha"),
    "LOKR": _Kind("lokr", alpha="alpha"),
    "VERA": _Kind("vera", alpha=""),
    "IA3": _Kind("ia3", rank="", alpha=""),
}


@dataclass(frozen=True)
class AdapterConfig:
    """The part of the file that decides ΔW.

    Attributes:
        family: "lora", "rslora", "dora" or a name in `core.ranks.families.FAMILIES`.
        rank: r; for AdaLoRA the rank that training began with, for IA³ 0.
        ranks, alphas: Exceptions by pattern (`rank_pattern`, `alpha_pattern`).
        start: How B·A was initialised, where that changed the base model ("pissa", …), or "".
        parameters: `target_parameters`: bare parameters that are adapted, such as experts.
        content: The whole file.
    """

    family: str
    rank: int
    alpha: float
    square_root: bool
    ranks: Mapping[str, int]
    alphas: Mapping[str, float]
    base_model: str
    start: str
    parameters: tuple[str, ...] = ()
    content: Mapping[str, Any] = field(default_factory=dict)

    def rank_of(self, module: str) -> int:
        """Return r of one module."""
        return self.ranks.get(_matching(self.ranks, module), self.rank)

    def scaling_of(self, module: str) -> float:
        """Return s of one module: α/r, for rsLoRA α/√r; VeRA has none.

        AdaLoRA (PEFT's `adalora/layer.py`): α, or r where α is 0, over the first rank + 1e-5.
        """
        rank = self.rank_of(module)
        alpha = self.alphas.get(_matching(self.alphas, module), self.alpha)
        if self.family == "adalora":
            return (alpha if alpha > 0 else float(rank)) / (self.rank + 1e-5)
        if self.family == "vera":
            return 1.0
        return alpha / (math.sqrt(rank) if self.square_root else rank)


def read_config(file: Path) -> AdapterConfig:
    """Read an adapter_config.json.

    Raises:
        UserError: The file is missing or damaged, or belongs to another kind of adapter.
    """
    content = _json(file)
    kind = _kind(file, content)
    for key in _OTHER_PRODUCTS:
        if content.get(key):
            raise UserError(
                f"{file.parent.name} was trained with {key}, which stores another product than "
                "s·B·A.",
                "The rank explorer cannot tell what such an adapter changes.",
            )
    square_root = kind.family == "lora" and bool(content.get("use_rslora"))
    plain = "rslora" if square_root else kind.family
    start = content.get("init_lora_weights") if kind.family == "lora" else None
    mutated = isinstance(start, str) and start.startswith(_MUTATING_STARTS)
    ranks = {} if kind.family == "vera" else _ranks(content, pruned=kind.family == "adalora")
    return AdapterConfig(
        family="dora" if kind.family == "lora" and content.get("use_dora") else plain,
        rank=_rank(kind.rank, content.get(kind.rank)) if kind.rank else 0,
        alpha=_alpha(kind.alpha, content.get(kind.alpha)) if kind.alpha else 0.0,
        square_root=square_root,
        ranks=ranks,
        alphas=_alphas(content) if kind.family in _WITH_ALPHAS else {},
        base_model=str(content.get("base_model_name_or_path") or ""),
        start=str(start) if mutated else "",
        parameters=_names(content, "target_parameters"),
        content=content,
    )


def _kind(file: Path, content: dict[str, Any]) -> _Kind:
    name = content.get("peft_type", "LORA")
    if not isinstance(name, str) or name not in _KINDS:
        raise UserError(
            f"{file.parent.name} is a {name} adapter.",
            f"The rank explorer reads {', '.join(_KINDS)}, with rsLoRA and DoRA.",
        )
    return _KINDS[name]


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


def _ranks(content: dict[str, Any], *, pruned: bool) -> dict[str, int]:
    """Return ranks by pattern; AdaLoRA keeps a list of true and false for each module instead."""
    if not pruned:
        return {key: _rank(key, value) for key, value in _pattern(content, "rank_pattern")}
    ranks = {}
    for key, kept in _pattern(content, "rank_pattern"):
        if not isinstance(kept, list) or not all(type(one) is bool for one in kept):
            raise UserError(
                f"rank_pattern of {key} in adapter_config.json is no list of true and false.",
                "Save the adapter again with PEFT.",
            )
        ranks[re.escape(key.partition(".lora_E")[0])] = sum(kept)
    return ranks


def _alphas(content: dict[str, Any]) -> dict[str, float]:
    return {key: _alpha(key, value) for key, value in _pattern(content, "alpha_pattern")}


def _names(content: dict[str, Any], key: str) -> tuple[str, ...]:
    names = content.get(key) or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UserError(f"{key} in adapter_config.json is no list of names.", "Save it again.")
    return tuple(names)


def _pattern(content: dict[str, Any], key: str) -> list[tuple[str, Any]]:
    pattern = content.get(key) or {}
    if not isinstance(pattern, dict):
        raise UserError(f"{key} in adapter_config.json is no table.", "Save the adapter again.")
    for expression in pattern:
        repetitions = len(_REPETITION.findall(expression))
        if _REPEATED_GROUP.search(expression) or repetitions > _MOST_REPETITIONS:
            raise UserError(
                f"{key} in adapter_config.json: {expression!r} repeats too much to be matched in "
                "a bounded time.",
                "Write module names, or simpler expressions.",
            )
        try:
            re.compile(expression)
        except (re.error, RecursionError, OverflowError) as error:
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
