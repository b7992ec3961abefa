"""The questions that people ask about ranks, answered with the numbers of the adapter at hand.

Every answer is a function of what is known: spectra always, measurements where they were made. An
answer never says more than that; where a number is missing, it says how to get it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np

from core.ranks import metrics
from core.ranks.against_base import BaseComparison
from core.ranks.before_after import BASE, FULL, BeforeAfter
from core.ranks.curve import LossCurve
from core.ranks.spectra import AdapterSpectra, ModuleSpectrum
from core.ranks.verdict import judge

Paragraphs = tuple[str, ...]

_RULES = {"lora": "α/r", "dora": "α/r", "rslora": "α/√r"}
_RISE = 0.01
"""Nats per token: a smaller rise of the validation loss is not worth a sentence."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the answers rest on.

    Attributes:
        spectra: Of the adapter; `module` is the selected one of it.
        curve, base, losses: Measurements, None where they were not made.
        validation: Held-out loss by step, as far as a run was evaluated.
        training: Mean training loss over the last tenth of the run, None where it is not known.
    """

    spectra: AdapterSpectra
    module: ModuleSpectrum
    curve: LossCurve | None = None
    base: BaseComparison | None = None
    losses: BeforeAfter | None = None
    validation: tuple[tuple[int, float], ...] = ()
    training: float | None = None


@dataclass(frozen=True)
class Question:
    """A question and the function that answers it."""

    words: str
    answer: Callable[[Known], Paragraphs]


def what_is_a_rank(known: Known) -> Paragraphs:
    """Count what LoRA learns against what there is to change."""
    (rows, columns), rank = known.module.shape, known.module.rank
    learned, whole = rank * (rows + columns), rows * columns
    return (
        f"The weights of {_name(known.module)} are a table of {rows:,} × {columns:,} numbers. To "
        f"change it freely, training would have to learn {whole:,} numbers. LoRA learns two thin "
        f"tables instead, B with {rows:,} × {rank} and A with {rank} × {columns:,} numbers, and "
        "adds their product.",
        f"The thin side, {rank} here, is the rank r. It is the number of independent directions in "
        f"which the table may change. That is {learned:,} numbers, {learned / whole:.1%} of all.",
    )


def what_is_a_singular_value(known: Known) -> Paragraphs:
    """Say how the energy of the selected module is spread."""
    module = known.module
    sigma = module.singular_values
    words = (
        "Any change of a table can be split into independent directions: feed in one particular "
        "pattern of inputs, and one particular pattern of outputs comes out, σ times as strong. "
        "These factors σ, largest first, are the singular values.",
    )
    if not module.trained:
        return (*words, f"In {_name(module)} all of them are still zero: B begins at zero.")
    low, high = (curve[0] for curve in module.null.singular_values)
    return (
        *words,
        f"In {_name(module)} the strongest is {sigma[0]:.3g} and the last {sigma[-1]:.3g}. The "
        f"first alone holds {module.scalars['top_share']:.0%} of the energy Σσ². If A and B held "
        f"random numbers of the same size, the strongest would be {low:.3g} to {high:.3g}.",
    )


def why_alpha(known: Known) -> Paragraphs:
    """Explain the scaling and give its value."""
    info, module = known.spectra.adapter, known.module
    rule = _RULES.get(info.family)
    value = f"Here the factor is {module.scaling:g}"
    if rule is not None:
        value += f" ({rule} with r = {module.rank})"
    return (
        f"Before B·A is added to the weights it is multiplied by a fixed factor s. {value}; it is "
        "part of every singular value that this page shows.",
        "Dividing by r keeps the volume alike when you try another rank: more directions would "
        "otherwise make a larger change from the same learning rate. In practice the sum of r "
        "directions grows less than r, so that α/r makes high ranks quiet; α/√r (rsLoRA) was "
        "found to keep them alike.",
    )


def why_low_rank(known: Known) -> Paragraphs:
    """Tell what is by construction from what was measured."""
    spectra = known.spectra
    trained = [module for module in spectra.modules if module.trained]
    first = (
        f"Partly because it cannot be otherwise: the product of the two thin tables has rank "
        f"{known.module.rank} at most, whatever was learned."
    )
    if not trained:
        return (first, "Nothing has been learned yet; there is no more to say.")
    needed = median(module.energy_rank["0.95"] for module in trained)
    chance = median(module.random_energy_rank["0.95"][1] for module in trained)
    return (
        first,
        f"But that is not all. In the middle module {needed:.0f} directions hold 95 % of the "
        f"change, where random numbers would take {chance:.0f}. Teaching a model one task seems to "
        "ask for few new directions: it has most of what it needs, and learns which of it to use.",
        "That few directions hold most of the energy does not prove that the others are useless. "
        "Only the loss on held-out rows can tell that.",
    )


def what_a_and_b_hold(known: Known) -> Paragraphs:
    """Say which side reads and which side writes."""
    (rows, columns), rank = known.module.shape, known.module.rank
    return (
        f"A reads. Each of its {rank} rows is a pattern over the {columns:,} inputs of "
        f"{_name(known.module)}; z = A·x says how much of each pattern is in the input x.",
        f"B writes. Each of its {rank} columns is a pattern over the {rows:,} outputs; B·z adds "
        "them up, each as strongly as z says.",
        "The patterns of A and B as they are stored can be mixed among each other without changing "
        "B·A, so that looking at single rows of A tells little. The singular directions are the "
        "one mixture in which the patterns are independent and ordered by strength: that is why "
        "this page shows those.",
    )


def too_high_or_too_low(known: Known) -> Paragraphs:
    """Give the verdict where it was measured."""
    if known.curve is not None:
        verdict = judge(known.curve)
        words: Paragraphs = (f"{verdict.title}. {verdict.sentence}",)
        if verdict.essentially_rank_one:
            words = (
                *words,
                f"The first direction of each module alone brings {verdict.rank_one_share:.0%} of "
                "the gain: this task is essentially of rank 1.",
            )
        return words
    return (
        "Spectra alone cannot tell. What can is the loss on held-out rows when directions are left "
        "out: measure it under “Does it matter?”.",
        _middle_sentence(known.spectra),
        "That a rank is too low shows in no spectrum and in no truncation; only a run at a higher "
        "rank can show it.",
    )


def can_i_shrink_it(known: Known) -> Paragraphs:
    """Say what a smaller adapter would cost, as far as that is known."""
    spectra = known.spectra
    if not spectra.trained:
        return ("There is nothing to keep yet.",)
    size = sum(module.rank * sum(module.shape) for module in spectra.modules)
    kept = {m.name: m.energy_rank["0.95"] for m in spectra.modules}
    smaller = sum(kept[module.name] * sum(module.shape) for module in spectra.modules)
    energy = (
        f"Keeping 95 % of the energy of every module would leave {smaller:,} of {size:,} "
        f"parameters ({smaller / size:.0%}). Energy is a hint, not a promise."
    )
    if known.curve is None:
        return (energy, "What it costs in loss is not known before it is measured.")
    verdict = judge(known.curve)
    if verdict.kind not in ("over-provisioned", "right-sized", "rank-limited"):
        return (energy, verdict.sentence)
    smallest, lost = verdict.smallest, known.curve.increase(verdict.smallest)
    share = smallest.parameters / known.curve.parameters
    return (
        f"As far as {known.curve.examples} held-out examples can tell, down to {share:.0%} of its "
        f"parameters: {smallest.parameters:,} of {known.curve.parameters:,} cost "
        f"{lost.mean:+.4f} ± {lost.error:.4f} nats per token.",
        "Training at a high rank and truncating afterwards did better than training at the low "
        "rank where both were tried; on your task it is a good guess, no more.",
    )


def did_it_overfit(known: Known) -> Paragraphs:
    """Compare the best evaluation with the last one, and with training."""
    later = [(step, loss) for step, loss in known.validation if np.isfinite(loss)]
    if len(later) < 2:
        return (
            "That shows in the loss on held-out rows over the steps of a run, and none of them is "
            "known here.",
        )
    (first_step, first), (last_step, last) = later[0], later[-1]
    best_step, best = min(later, key=lambda pair: pair[1])
    if last - best > _RISE:
        answer = (
            f"Towards the end, yes: the held-out loss was lowest at step {best_step:,} with "
            f"{best:.3f} and rose to {last:.3f} at step {last_step:,}. The adapter is taken from "
            "the best step; fewer steps, or more rows, would be better next time."
        )
    elif best < first:
        answer = (
            f"Not as far as it was evaluated: the held-out loss fell from {first:.3f} at step "
            f"{first_step:,} to {best:.3f} at step {best_step:,} and has not risen since."
        )
    else:
        answer = f"The held-out loss has not fallen below the {first:.3f} of the start."
    if known.training is None:
        return (answer,)
    return (
        answer,
        f"The training loss over the last steps is {known.training:.3f}, the held-out loss "
        f"{last:.3f}. A gap is normal; what counts is whether the held-out loss still falls.",
    )


def what_are_intruders(known: Known) -> Paragraphs:
    """Say what was found, and what it would mean."""
    words = (
        "Each weight matrix has strong directions of its own. An intruder dimension is a strong "
        "direction of the tuned matrix that is like none of them: it was put on top by training.",
        "Intruders go with forgetting: the model does the new task, but loses some of what it "
        "could do before. They are a hint; the loss on general text is what shows forgetting.",
    )
    if known.base is None:
        return (*words, "Whether there are any here is measured under “Against the base”.")
    sure, unsure = known.base.count("intruder"), known.base.count("borderline")
    total = sum(len(module.intruders.low) for module in known.base.modules)
    found = (
        f"Here {sure} of the {total:,} leading directions are intruders for sure, and {unsure} "
        "cannot be decided without a full decomposition of the weights."
    )
    return (*words, found, _forgetting(known.losses))


def _forgetting(losses: BeforeAfter | None) -> str:
    if losses is None:
        return "What that does to general text was not measured yet."
    change = losses.change(FULL, "general", against=BASE)
    if change.mean > 2 * change.error:
        return (
            f"On general text the loss is {change.mean:.3f} ± {change.error:.3f} nats per token "
            "higher than that of the base model: something was forgotten."
        )
    return (
        f"On general text the loss has changed by {change.mean:+.3f} ± {change.error:.3f} nats "
        "per token: no forgetting that these paragraphs can show."
    )


def _middle_sentence(spectra: AdapterSpectra) -> str:
    trained = [module for module in spectra.modules if module.trained]
    if not trained:
        return "Nothing has been learned yet."
    needed = median(int(metrics.energy_rank(m.singular_values, 0.95)) for m in trained)
    rank = max(module.rank for module in trained)
    return f"In the middle module {needed:.0f} of {rank} directions hold 95 % of the energy."


def _name(module: ModuleSpectrum) -> str:
    return module.name.removeprefix("model.")


QUESTIONS: tuple[Question, ...] = (
    Question("What is a rank?", what_is_a_rank),
    Question("What is a singular value?", what_is_a_singular_value),
    Question("Why α/r?", why_alpha),
    Question("Why does ΔW have low rank?", why_low_rank),
    Question("What do A and B hold?", what_a_and_b_hold),
    Question("Is my rank too high or too low?", too_high_or_too_low),
    Question("Can I shrink it?", can_i_shrink_it),
    Question("Did it overfit?", did_it_overfit),
    Question("What is an intruder dimension, and should I care?", what_are_intruders),
)
