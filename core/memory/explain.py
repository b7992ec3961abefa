"""One plain sentence or two per part of a plan, with the user's own numbers."""

from collections.abc import Callable

from core.memory.amounts import gib
from core.memory.plan import MemoryPlan
from core.models.info import ModelInfo
from core.settings import RunSettings


def explain(part: str, plan: MemoryPlan, info: ModelInfo, settings: RunSettings) -> str:
    """Say what a part is, why it has this size, and how to shrink it.

    Args:
        part: One of `core.memory.plan.PARTS`.
        plan: The plan it belongs to.
        info: The base model.
        settings: The run.
    """
    return f"{part.capitalize()}, {gib(plan.parts[part])}. {TEXTS[part](plan, info, settings)}"


def _weights(plan: MemoryPlan, info: ModelInfo, settings: RunSettings) -> str:
    if plan.method == "full":
        return f"All {_count(plan.parameters)} parameters, trained; LoRA would freeze them."
    text = f"The {_count(plan.parameters)} parameters of the model, frozen, in {plan.bits} bits"
    if plan.bits == 16:
        return f"{text}. QLoRA in 4 bits stores the matrices in about a quarter."
    scales = ", their scales quantized too" if plan.double_quant else ""
    return (
        f"{text}{scales}; embeddings, head and norms stay as they are. A smaller model shrinks it."
    )


def _adapter(plan: MemoryPlan, info: ModelInfo, settings: RunSettings) -> str:
    if plan.method == "full":
        return "There is none: the weights themselves are trained."
    return (
        f"{plan.trained_parameters:,} trained parameters ({plan.trained_share:.2%} of the model) "
        "of 4 bytes each. A lower rank or fewer target layers shrink it."
    )


def _gradients(plan: MemoryPlan, info: ModelInfo, settings: RunSettings) -> str:
    if plan.parts["gradients"] == 0:
        return "At the peak of this plan there are none yet: they appear while activations go."
    return (
        f"One number for each of the {_count(plan.trained_parameters)} trained parameters. "
        "Fewer trained parameters shrink it."
    )


def _optimizer(plan: MemoryPlan, info: ModelInfo, settings: RunSettings) -> str:
    trained = _count(plan.trained_parameters)
    kinds = {
        "adamw": f"Two moments for each of {trained} parameters; adamw8bit needs a quarter.",
        "adamw8bit": f"Two moments of 8 bits for each of {trained} parameters.",
        "paged_adamw8bit": f"Two moments of 8 bits for each of {trained} parameters. Where the "
        "GPU runs short, large ones move out to the computer's memory; they are counted in full.",
        "lion": f"One moment for each of {trained} parameters, half of what adamw keeps.",
        "adafactor": "One number per row and per column of the trained matrices, not one per "
        "parameter.",
        "sgd": "SGD keeps nothing.",
    }
    return kinds[settings.training.optimizer]


def _activations(plan: MemoryPlan, info: ModelInfo, settings: RunSettings) -> str:
    if plan.moment == "step":
        return "At the peak, the optimizer step, they are freed already."
    rows, length = settings.training.micro_batch, settings.data.max_length
    what = f"What {info.architecture.layers} layers keep of {rows} × {length} tokens for backward"
    if plan.checkpointed:
        return (
            f"{what}; {plan.checkpointed} of them keep their inputs only, and one at a time is "
            "computed again. Shorter rows help."
        )
    return f"{what}. Gradient checkpointing, a smaller micro-batch or shorter rows shrink it."


def _logits(plan: MemoryPlan, info: ModelInfo, settings: RunSettings) -> str:
    if plan.parts["logits"] == 0:
        return "At the peak they are freed already: a layer or the optimizer step needs more."
    words, rows = info.architecture.vocab_size, settings.training.micro_batch
    if plan.method == "full":
        return (
            f"A score for each of {words:,} words at {rows} × {settings.data.max_length} tokens, "
            "several times over while the loss is made. Fewer rows or shorter ones shrink it."
        )
    return (
        f"A score for each of {words:,} words, but for a chunk of the tokens at a time: longer "
        "rows and more of them change next to nothing."
    )


def _workspace(plan: MemoryPlan, info: ModelInfo, settings: RunSettings) -> str:
    if plan.moment == "step":
        return "Scratch space of the libraries and of the optimizer step."
    return "Scratch space of the matrix libraries; it cannot be changed."


def _context(plan: MemoryPlan, info: ModelInfo, settings: RunSettings) -> str:
    if plan.source == "measured":
        return "What was measured beside the tensors: driver, libraries, and memory that they keep."
    if plan.calibrated_by:
        return "What driver and libraries take beside the tensors, as measured on this machine."
    return (
        "What driver and libraries take for themselves; it depends on the machine. On a processor "
        "also what the C library cannot use again of freed memory, and a checkpoint in the making."
    )


TEXTS: dict[str, Callable[[MemoryPlan, ModelInfo, RunSettings], str]] = {
    "weights": _weights,
    "adapter": _adapter,
    "gradients": _gradients,
    "optimizer": _optimizer,
    "activations": _activations,
    "logits": _logits,
    "workspace": _workspace,
    "context": _context,
}


def _count(number: int) -> str:
    """Return 135 M, 8.03 B or 460,800 for a number of parameters."""
    for size, unit in ((10**9, "B"), (10**6, "M")):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:,}"
