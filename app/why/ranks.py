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
    "loss_after_truncation": Why(
        what="What the model loses on rows it never trained on when the adapter keeps fewer "
        "directions.",
        effect="Each point leaves components out and reads the same rows again; what is drawn is "
        "the difference to the whole adapter, with one standard error. Inside the band it cannot "
        "be told from nothing. Four ways to choose: the first k of every module; the largest "
        "σ²/(m+n) of all modules; the same share of energy everywhere; the same share of the "
        "energy that your own rows see.",
        source="Paired differences and the ratio estimator (Cochran 1977, section 2.11); "
        "docs/ranks.md",
    ),
    "sensitivity": Why(
        what="How much the loss would begin to change if one component grew.",
        effect="Right: large. High: the loss feels it. Large but low is hardly used; small but "
        "high may be vital. The size of a point is what your own rows send through it. It is a "
        "slope, not the loss after leaving a component out: only the plot beside it tells that.",
        source="g = uᵀ(∂L/∂ΔW)v; Spectral Surgery 2026, arXiv:2603.03995",
    ),
    "alignment": Why(
        what="How much of the change lies in directions that the base model already uses strongly.",
        effect="A curve far above chance: the adapter works along the model's strong directions. "
        "Near chance: it uses weak or new ones. Re-weighting is the part that makes a direction of "
        "W₀ stronger or weaker without joining it to another. The amplification factor is "
        "‖ΔW‖ / ‖UᵀW₀V‖ with the first k directions U, V of ΔW.",
        source="Hu et al. 2021, LoRA, arXiv:2106.09685, section 7.3; docs/ranks.md",
    ),
    "intruders": Why(
        what="Leading directions of the tuned matrix that are unlike every direction of the base.",
        effect="Each bar is an interval that surely holds the largest cosine to a direction of "
        "W₀. Below ε an intruder, above it not, across it borderline. Many intruders often go "
        "with forgetting what the model knew; the loss on general text tells. Drag ε to try "
        "another threshold.",
        source="Shuttleworth et al. 2024, arXiv:2410.21228: the first 10 directions, ε = 0.5",
    ),
    "allocation": Why(
        what="How many directions each module has, and how many it would keep.",
        effect="All three ways keep as many parameters as k directions everywhere. Shared budget "
        "keeps the components with the largest σ²/(m+n), wherever they are, which leaves the least "
        "of Σσ² behind; same energy keeps the same share of every module. Which of them costs "
        "the least loss, only “Does it matter?” can tell.",
        source="Eckart and Young 1936; docs/ranks.md",
    ),
    "similarity": Why(
        what="Whether the strongest directions of two adapters are the same.",
        effect="φ(i, j) is 1 when the first i directions of one lie within the first j of the "
        "other, and about max(i, j)/n for random ones, which is taken off here. Inputs and outputs "
        "compare ΔW; A alone is what the paper did, but it ignores B and shares its start between "
        "runs of one seed.",
        source="Hu et al. 2021, LoRA, arXiv:2106.09685, equation 4 and section 7.2",
    ),
    "difference": Why(
        what="How far the changes of two adapters point the same way, module by module.",
        effect="Cosine: 1 the same change, 0 nothing in common, −1 they undo each other. Size: "
        "‖ΔW₂‖/‖ΔW₁‖, logarithmic.",
        source="⟨ΔW₁, ΔW₂⟩ = s₁s₂·tr((B₁ᵀB₂)(A₂A₁ᵀ)); docs/ranks.md",
    ),
    "lengths": Why(
        what="How much longer or shorter DoRA made the rows of W.",
        effect="ΔW = (D − I)·W₀ + s·(D·B)·A: the first part only changes lengths, the second turns "
        "directions and is what the spectra show. A narrow ridge at 1 means that hardly any "
        "length was moved.",
        source="Liu et al. 2024, DoRA, arXiv:2402.09353; docs/ranks.md",
    ),
    "null": Why(
        what="What the same measure would give if the adapter held only random numbers.",
        effect="A measure inside the band says nothing; far outside it, something was learned.",
        source=_DEFINITION,
    ),
}
"""By measure."""
