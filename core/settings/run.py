"""The settings of a run, declared once.

Each field gives the TOML key, the row of the form in the window, the message when a value is out
of bounds, and the row in `docs/settings.md`.
"""

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationError,
    model_validator,
)

from core.adapters import ADAPTERS
from core.adapters.base import AdapterSettings
from core.errors import UserError
from core.trackers import TRACKERS

SCHEMA_VERSION = 1

S = TypeVar("S", bound=BaseModel)


class Section(BaseModel):
    """A frozen group of settings that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _whole_number(value: Any) -> Any:
    """Read "4" as 4: a literal, other than an int, takes no text from the command line."""
    return int(value) if isinstance(value, str) and value.isdigit() else value


def _checkpointing(value: Any) -> Any:
    """Read off, auto, all or a number of blocks, and the switch that older files have."""
    known = {"off": "off", "auto": "auto", "all": "all", "false": "off", "true": "all"}
    if isinstance(value, str) and value.isdigit():
        return int(value)
    word = known.get(str(value).lower())
    if word is None and (not isinstance(value, int) or value < 0):
        raise ValueError("Should be off, auto, all or a number of blocks")
    return value if word is None else word


class ModelSettings(Section):
    """The base model, which stays frozen."""

    source: str = Field(
        "starter",
        title="Model",
        description="The starter model, a model folder, a GGUF file or a hub id such as org/name.",
        min_length=1,
    )
    bits: Annotated[Literal[16, 8, 4], BeforeValidator(_whole_number)] = Field(
        16,
        title="Base weights",
        description="Bits per frozen weight: 16 is LoRA, 8 (LLM.int8) and 4 (NF4) are QLoRA.",
        json_schema_extra={"unit": "bit"},
    )
    double_quant: bool = Field(
        True,
        title="Double quantization",
        description="Quantize the scales of the 4-bit blocks as well: 0.37 bit less per weight.",
    )
    dtype: Literal["auto", "bf16", "fp16", "fp32"] = Field(
        "auto",
        title="Compute type",
        description="Number type of the products; auto takes what a short probe finds fastest.",
    )
    attention: Literal["sdpa", "eager"] = Field(
        "sdpa",
        title="Attention",
        description="sdpa never holds the whole score matrix; eager does, and pads the rows.",
    )
    attention_dtype: Literal["auto", "bf16", "fp16", "fp32"] = Field(
        "auto",
        title="Attention type",
        description="Number type of the scores over packed rows; auto takes the fastest.",
    )


class DataSettings(Section):
    """The rows to learn from."""

    path: str = Field(
        "starter",
        title="Data",
        description="The starter data, or a JSONL, JSON, CSV, Parquet or text file.",
        min_length=1,
    )
    prompt_column: str = Field(
        "",
        title="Prompt column",
        description="Column with the question; empty: recognised from the names of the columns.",
    )
    answer_column: str = Field(
        "",
        title="Answer column",
        description="Column with the answer to learn; empty: recognised.",
    )
    train_on: Literal["answers", "everything"] = Field(
        "answers",
        title="Train on",
        description="Tokens that give a loss: those of the answers, or all.",
    )
    max_length: int = Field(
        256,
        title="Max length",
        description="Longer rows are cut here.",
        ge=8,
        le=1_048_576,
        json_schema_extra={"unit": "tokens"},
    )
    held_out: float = Field(
        0.05,
        title="Held out",
        description="Share of the rows kept for validation: chosen once, by content and seed.",
        ge=0.0,
        le=0.5,
    )


class TrainingSettings(Section):
    """How to learn."""

    steps: int = Field(60, title="Steps", description="Optimizer steps.", ge=1, le=10_000_000)
    micro_batch: int = Field(
        8,
        title="Micro-batch",
        description="Rows that go through the model at once; sets the memory of activations.",
        ge=1,
        le=4096,
        json_schema_extra={"unit": "rows"},
    )
    accumulation: int = Field(
        1,
        title="Accumulation",
        description="Micro-batches per optimizer step; effective batch = micro-batch × this.",
        ge=1,
        le=4096,
    )
    packing: bool = Field(
        True,
        title="Packing",
        description="Lay rows end to end instead of padding them; none ever sees another.",
    )
    adapter_products: Literal["fp32", "model"] = Field(
        "fp32",
        title="Adapter products",
        description="In fp32 as PEFT, or in the model's type with fp32 weights kept: faster.",
    )
    learning_rate: float = Field(
        5e-4, title="Learning rate", description="Peak of the schedule.", gt=0, le=1.0
    )
    lora_plus: float = Field(
        1.0,
        title="LoRA+ ratio",
        description="Learning rate of B over that of A; 1 is plain LoRA.",
        ge=1,
        le=64,
    )
    schedule: Literal["cosine", "linear", "constant", "wsd"] = Field(
        "cosine", title="Schedule", description="Course of the learning rate after the warm-up."
    )
    warmup: int = Field(
        5,
        title="Warm-up",
        description="Steps in which the learning rate rises from zero.",
        ge=0,
        le=1_000_000,
        json_schema_extra={"unit": "steps"},
    )
    decay_share: float = Field(
        0.2,
        title="Decay share",
        description="Share of all steps, at the end, in which wsd falls to zero.",
        ge=0.01,
        le=1.0,
    )
    optimizer: Literal["adamw", "adamw8bit", "paged_adamw8bit", "lion", "adafactor", "sgd"] = Field(
        "adamw", title="Optimizer", description="The rule that turns gradients into changes."
    )
    weight_decay: float = Field(
        0.0, title="Weight decay", description="Pull of the trained weights to zero.", ge=0, le=1
    )
    max_gradient_norm: float = Field(
        1.0,
        title="Clip gradients",
        description="A gradient with a larger norm is scaled down to it; 0 switches this off.",
        ge=0,
        le=1000,
    )
    label_smoothing: float = Field(
        0.0,
        title="Label smoothing",
        description="Share of the target that goes to all tokens alike instead of the right one.",
        ge=0,
        le=0.5,
    )
    z_loss: float = Field(
        0.0,
        title="z-loss",
        description="Weight of the squared log-sum-exp of the logits, which keeps them small.",
        ge=0,
        le=0.01,
    )
    gradient_checkpointing: Annotated[
        Literal["off", "auto", "all"] | int, BeforeValidator(_checkpointing)
    ] = Field(
        "off",
        title="Gradient checkpointing",
        description="Blocks that compute their activations twice instead of keeping them: slower; "
        "auto takes as many as the memory asks for.",
    )
    evaluate_every: int = Field(
        20,
        title="Evaluate every",
        description="Steps between two evaluations on the held-out rows.",
        ge=1,
        le=1_000_000,
        json_schema_extra={"unit": "steps"},
    )
    early_stopping: int = Field(
        0,
        title="Early stopping",
        description="Evaluations without a lower validation loss after which to finish; 0: never.",
        ge=0,
        le=1000,
        json_schema_extra={"unit": "evaluations"},
    )
    samples: int = Field(
        2,
        title="Sample answers",
        description="Held-out questions that the model answers at every evaluation.",
        ge=0,
        le=20,
        json_schema_extra={"unit": "questions"},
    )
    sample_tokens: int = Field(
        32,
        title="Answer length",
        description="Most tokens of a sample answer.",
        ge=1,
        le=1024,
        json_schema_extra={"unit": "tokens"},
    )
    checkpoint_every: int = Field(
        20,
        title="Checkpoint every",
        description="Steps between two checkpoints.",
        ge=1,
        le=1_000_000,
        json_schema_extra={"unit": "steps"},
    )
    keep_checkpoints: int = Field(
        2,
        title="Keep checkpoints",
        description="Newest checkpoints that stay on the disk, beside the best.",
        ge=2,
        le=1000,
    )
    keep_activations: bool = Field(
        False,
        title="Keep activations",
        description="Keep what the blocks below the first adapted one make of a row, on the disk.",
    )
    compile: bool = Field(
        False,
        title="Compile",
        description="Compile the blocks before the first step; says after how many it has paid.",
    )
    deterministic: bool = Field(
        False,
        title="Exact on a GPU",
        description="Let a GPU add up in one order always: a resume is exact to the bit, slower.",
    )
    seed: int = Field(
        7,
        title="Seed",
        description="Fixes the order of the rows and the start of A.",
        ge=0,
        le=2**31,
    )


def _known_trackers(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names once each, in one order; an unknown one is a UserError."""
    for name in names:
        TRACKERS[name]
    return tuple(sorted(set(names)))


class TrackingSettings(Section):
    """Where else the curves of a run are drawn; never what it computes."""

    trackers: Annotated[tuple[str, ...], AfterValidator(_known_trackers)] = Field(
        (),
        title="Trackers",
        description="Programs that draw the curves of this run too; each must be installed.",
        json_schema_extra={"options": list(TRACKERS)},
    )


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
        if self.training.warmup >= self.training.steps > 1:
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
    steps = _whole_number(changes["training.steps"])
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
