"""The settings of a run, declared once.

Each field gives the TOML key, the row of the form in the window, the message when a value is out
of bounds, and the row in `docs/settings.md`.
"""

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    SerializeAsAny,
    ValidationError,
    model_validator,
)

from core.adapters import ADAPTERS
from core.adapters.base import AdapterSettings
from core.errors import UserError
from core.settings.sections import (
    DataSettings,
    ModelSettings,
    Section,
    TrackingSettings,
    whole_number,
)
from core.settings.training import TrainingSettings

SCHEMA_VERSION = 1

S = TypeVar("S", bound=BaseModel)


def _adapter(value: Any) -> Any:
    """Build the settings class of the method that is named in `value`."""
    if isinstance(value, AdapterSettings):
        return value
    content = dict(value)
    method = content.get("method", "lora")
    return check(ADAPTERS[method].Settings, content, section="adapter")


class RunSettings(Section):
    """Everything that decides a run."""

    version: Literal[1] = Field(1, description="Schema version of this file.")
    name: str = Field(
        "my-first-adapter",
        title="Name",
        description="Name of the run and of its folder.",
        min_length=1,
        max_length=80,
        pattern=r"^[^/\\:*?\"<>|\x00-\x1f]*[^/\\:*?\"<>|\x00-\x1f. ]$",
    )
    model: ModelSettings = Field(default_factory=ModelSettings)
    data: DataSettings = Field(default_factory=DataSettings)
    adapter: Annotated[SerializeAsAny[AdapterSettings], BeforeValidator(_adapter)] = Field(
        default_factory=lambda: ADAPTERS["lora"].Settings()
    )
    training: TrainingSettings = Field(default_factory=TrainingSettings)
    tracking: TrackingSettings = Field(default_factory=TrackingSettings)

    @model_validator(mode="after")
    def _check_warmup(self) -> Self:
        if self.training.warmup >= self.training.steps:
            raise ValueError("the warm-up (training.warmup) must be shorter than training.steps")
        return self

    def with_changes(self, changes: Mapping[str, Any]) -> Self:
        """Return a checked copy with dotted keys changed, such as {"adapter.rank": 8}.

        Changing `adapter.method` keeps the values that both methods know; fewer `training.steps`
        shorten a warm-up that is not named, so that `--steps 4` needs nothing else.

        Raises:
            UserError: A key is unknown or a value is out of bounds.
        """
        content = self.model_dump()
        for dotted, value in changes.items():
            *sections, key = dotted.split(".")
            target = content
            for section in sections:
                target = target.get(section, {}) if isinstance(target, dict) else {}
            if key not in target:
                raise unknown_key(dotted)
            target[key] = value
        if "training.steps" in changes and "training.warmup" not in changes:
            content["training"]["warmup"] = _warmup_within(self.training.warmup, changes)
        if "adapter.method" in changes:
            fields = ADAPTERS[content["adapter"]["method"]].Settings.model_fields
            content["adapter"] = {k: v for k, v in content["adapter"].items() if k in fields}
        return check(type(self), content)


def _warmup_within(warmup: int, changes: Mapping[str, Any]) -> int:
    """Return the warm-up, or a tenth of the new number of steps where it does not fit these."""
    steps = whole_number(changes["training.steps"])
    return steps // 10 if isinstance(steps, int) and 1 <= steps <= warmup else warmup


def check(kind: type[S], content: Any, section: str = "") -> S:
    """Validate `content` as `kind`; the first problem becomes a UserError that names its key."""
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise _in_words(error, section) from None


def unknown_key(dotted: str) -> UserError:
    """Return the error for a key that no setting has, with the nearest one that exists."""
    near = difflib.get_close_matches(dotted, setting_keys(), n=1, cutoff=0.5)
    tail = dotted.rsplit(".", 1)[-1]
    near = near or [k for k in setting_keys() if k.rsplit(".", 1)[-1] == tail]
    hint = f"Did you mean {near[0]!r}?" if near else "`docs/settings.md` lists all settings."
    return UserError(f"There is no setting called {dotted!r}.", hint)


def setting_keys() -> list[str]:
    """Return the dotted keys of all settings, those of every adapter method included."""
    keys = ["name"]
    for name, info in RunSettings.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, Section):
            keys += [f"{name}.{key}" for key in info.annotation.model_fields]
    for method in ADAPTERS:
        keys += [f"adapter.{key}" for key in ADAPTERS[method].Settings.model_fields]
    return list(dict.fromkeys(keys))


def _in_words(error: ValidationError, section: str) -> UserError:
    problem = error.errors()[0]
    dotted = ".".join(str(part) for part in (section, *problem["loc"]) if part != "")
    if problem["type"] == "extra_forbidden":
        return unknown_key(dotted)
    reason = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "string_pattern_mismatch":  # a regular expression tells nobody anything
        reason = 'must do without / \\ : * ? " < > | and must not end with a dot or a space'
    if not dotted:
        return UserError(f"{reason[0].upper()}{reason[1:]}.", "Change one of the two.")
    value = problem["input"]
    return UserError(f"{dotted} = {value!r}: {reason[0].lower()}{reason[1:]}.", "Mend this value.")
