"""What the window knows of one setting, read from its declaration in `core.settings`."""

import typing
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from core.adapters import ADAPTERS
from core.settings import RunSettings


@dataclass(frozen=True, kw_only=True)
class SettingField:
    """One setting.

    Attributes:
        key: Dotted key, such as adapter.rank.
        kind: "integer", "number", "text", "list", "switch", "choice" or "several".
        options: The values of a choice, or those of which several can be chosen.
        low, high: Bounds of a number, or None; `low_open` and `high_open` exclude them.
    """

    key: str
    title: str
    description: str
    unit: str
    kind: str
    default: Any
    options: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False

    def nearest(self, value: Any) -> Any:
        """Return the valid value next to `value`, the default where there is no such thing."""
        if self.kind not in ("integer", "number"):
            return self.default
        try:
            number = float(value)
        except (TypeError, ValueError):
            return self.default
        if number != number:
            return self.default
        number = self._into_bounds(number)
        return round(number) if self.kind == "integer" else number

    def suggested(self, value: Any) -> Any:
        """Return what to take in the place of a wrong value.

        Next to a bound that is excluded lies no number that anybody wants: the default then.
        """
        nearest = self.nearest(value)
        beyond = self.low_open and isinstance(value, int | float) and value <= (self.low or 0)
        return self.default if beyond else nearest

    def _into_bounds(self, number: float) -> float:
        step = 1.0 if self.kind == "integer" else 0.01
        if self.low is not None and (number < self.low or (self.low_open and number <= self.low)):
            return self.low + step if self.low_open else self.low
        if self.high is not None and (
            number > self.high or (self.high_open and number >= self.high)
        ):
            return self.high - step if self.high_open else self.high
        return number

    @property
    def bounds(self) -> str:
        """The bounds and the unit in words, such as "1 to 1,024 tokens"."""
        if self.low is None or self.high is None:
            return self.unit
        low = f"{self.low:,g}" if not self.low_open else f"above {self.low:,g}"
        high = f"{self.high:,.10g}"
        return f"{low} to {high} {self.unit}".rstrip()


@dataclass(frozen=True)
class Wrong:
    """A value in a control that no setting took.

    Attributes:
        words: What is wrong with it.
        instead: The value to take in its place.
    """

    words: str
    instead: Any


def setting_field(key: str, method: str = "lora") -> SettingField:
    """Return the setting called `key`; `method` decides which adapter settings exist.

    Raises:
        KeyError: There is no such setting.
    """
    info = _field_info(key, method)
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    several = extra.get("options")
    kind, options = _kind(info.annotation)
    if isinstance(several, list):
        kind, options = "several", tuple(several)
    return SettingField(
        key=key,
        title=info.title or key.rsplit(".", 1)[-1],
        description=info.description or "",
        unit=str(extra.get("unit", "")),
        kind=kind,
        default=info.get_default(call_default_factory=True),
        options=options,
        **_bounds(info),
    )


def _field_info(key: str, method: str) -> FieldInfo:
    model: type[BaseModel] = RunSettings
    *sections, last = key.split(".")
    for section in sections:
        if section == "adapter":
            model = ADAPTERS[method].Settings
        else:
            annotation = model.model_fields[section].annotation
            assert isinstance(annotation, type)
            model = annotation
    return model.model_fields[last]


def _kind(annotation: Any) -> tuple[str, tuple[Any, ...]]:
    """Return the kind and the options; of words or a number the words are offered."""
    for kind in (annotation, *typing.get_args(annotation)):
        if typing.get_origin(kind) is Literal:
            return "choice", typing.get_args(kind)
    if typing.get_origin(annotation) is tuple:
        return "list", ()
    names = {bool: "switch", int: "integer", float: "number"}
    return names.get(annotation, "text"), ()


def _bounds(info: FieldInfo) -> dict[str, Any]:
    bounds: dict[str, Any] = {}
    for item in info.metadata:
        for name, target in (("ge", "low"), ("gt", "low"), ("le", "high"), ("lt", "high")):
            value = getattr(item, name, None)
            if value is not None:
                bounds[target] = float(value)
                bounds[f"{target}_open"] = name in ("gt", "lt")
    return bounds
