"""Why, for every measure of the ranks of an adapter."""

from app.why.base import Why

_DEFINITION = "Definitions in docs/ranks.md; σ are the singular values of ΔW, largest first."

RANKS: dict[str, Why] = {
    "singular_values": Why(
        what="How strongly ΔW acts in each of its independent directions, largest first.",
        effect="A curve that falls steeply means that few directions do the work; a flat one "
        "looks like chance.",
        source=_DEFINITION,
    ),
    "energy_rank": Why(
        what="How many directions hold that share of the whole change.",
        effect="k95 is the smallest k with σ₁² + … + σₖ² at least 95 % of the sum of all σ².",
        source=_DEFINITION,
    ),
    "erank": Why(
        what="The number of directions that count, as if all were equally strong.",
        effect="exp of the entropy of p = σ/Σσ. 1 for one direction, r when all are equal.",
        source="Roy and Vetterli 2007, The effective rank",
    ),
    "erank_energy": Why(
        what="The same, but strong directions count for more.",
        effect="exp of the entropy of p = σ²/Σσ².",
        source=_DEFINITION,
    ),
    "stable_rank": Why(
        what="The whole change measured in units of its strongest direction.",
        effect="‖ΔW‖²_F / σ₁². Small when one direction dominates; never above the rank.",
        source="Rudelson and Vershynin 2007",
    ),
    "frobenius": Why(
        what="How large the change is in all.",
        effect="The root of the sum of all σ².",
        source=_DEFINITION,
    ),
    "spectral": Why(
        what="How large the change is in its strongest direction: σ₁.",
        effect="The most by which ΔW can stretch any input.",
        source=_DEFINITION,
    ),
    "over_training": Why(
        what="How many directions the updates use, step by step.",
        effect="Line: the median over all modules; band: the middle half of them; thin line: the "
        "selected module. Effective rank (σ) and k95 often fall while a few directions grow, and "
        "level off when training has found what it needs. Blue: the step that is shown; green: "
        "the best held-out loss. A click goes to a step.",
        source=_DEFINITION,
    ),
    "size_over_training": Why(
        what="How large the updates are, step by step.",
        effect="‖ΔW‖ is the whole change, σ₁ its strongest direction. A σ₁ that goes on growing "
        "alone means that one direction takes over; a sudden jump often goes with a loss spike.",
        source=_DEFINITION,
    ),
    "components": Why(
        what="Every singular value of the selected module, step by step.",
        effect="One row per component, the strongest on top; bright is large, on a logarithmic "
        "scale of at most three powers of ten.",
        source=_DEFINITION,
    ),
    "null": Why(
        what="What the same measure would give if the adapter held only random numbers.",
        effect="A measure inside the band says nothing; far outside it, something was learned.",
        source=_DEFINITION,
    ),
}
"""By measure."""
