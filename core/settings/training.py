"""How a run learns: the section `training` of its TOML file."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from core.settings.sections import Section


def _checkpointing(value: Any) -> Any:
    """Read off, auto, all or a number of blocks, and the switch that older files have."""
    known = {"off": "off", "auto": "auto", "all": "all", "false": "off", "true": "all"}
    if isinstance(value, str) and value.isdigit():
        return int(value)
    word = known.get(str(value).lower())
    if word is None and (not isinstance(value, int) or value < 0):
        raise ValueError("Should be off, auto, all or a number of blocks")
    return value if word is None else word


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
