"""Model, data and trackers of a run, one section of its TOML file each."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from core.trackers import TRACKERS


class Section(BaseModel):
    """A frozen group of settings that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def whole_number(value: Any) -> Any:
    """Return 4 for "4": a literal, other than an int, takes no text from the command line."""
    return int(value) if isinstance(value, str) and value.isdigit() else value


class ModelSettings(Section):
    """The base model, which stays frozen."""

    source: str = Field(
        "starter",
        title="Model",
        description="The starter model, a model folder, a GGUF file or a hub id such as org/name.",
        min_length=1,
    )
    bits: Annotated[Literal[16, 8, 4], BeforeValidator(whole_number)] = Field(
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
        description="The starter data; or a file, a folder or files such as rows/*.jsonl.",
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
    template: str = Field(
        "",
        title="Prompt template",
        description="Composes the question from columns, as in: Translate into {language}: {text}",
    )
    train_on: Literal["answers", "last answer", "everything"] = Field(
        "answers",
        title="Train on",
        description="Tokens that give a loss: answers, last answer, or everything.",
    )
    fold_turns: bool = Field(
        False,
        title="Fold turns",
        description="Put a system turn into the question after it, and join turns of one speaker.",
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
    skip_repeated: bool = Field(
        False,
        title="Skip repeated rows",
        description="Leave out rows that say the same as an earlier one; the file stays as it is.",
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
