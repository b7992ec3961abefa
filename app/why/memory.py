"""Why, for every part of a memory bar, and for where its numbers come from."""

from app.why.base import Why

MEMORY: dict[str, Why] = {
    "weights": Why(
        what="The frozen base model.",
        effect="Parameters × bytes: 2 for 16-bit, 1 for 8-bit, about 0.52 for 4-bit with double "
        "quantization. Embeddings, norms and the head stay in 16 bits.",
        start="Shrinks with fewer bits, or with a smaller model.",
    ),
    "adapter": Why(
        what="What you train: the matrices A and B.",
        effect="r × (inputs + outputs) numbers for each target matrix, in 32 bits.",
        start="Shrinks with a lower rank or fewer target layers; it is rarely worth it.",
    ),
    "optimizer": Why(
        what="The slope for every trained number, and the optimizer's memory of earlier ones.",
        effect="AdamW: 4 bytes for the gradient and 8 for two moments, per trained parameter. "
        "This is what makes full fine-tuning so dear.",
        start="Shrinks with 8-bit AdamW, a lower rank or fewer target layers.",
    ),
    "gradients": Why(
        what="The slope of the loss for every trained number.",
        effect="As many numbers as are trained, 4 bytes each.",
    ),
    "activations": Why(
        what="What every layer keeps of each row until the backward pass has used it.",
        effect="Grows with micro-batch × length × layers.",
        start="Shrinks most with gradient checkpointing, then with a smaller micro-batch.",
    ),
    "logits": Why(
        what="The scores of all words of the vocabulary, where there is something to learn.",
        effect="They are made, used and forgotten a chunk of tokens at a time: about 32 MiB in up "
        "to four copies, whatever the length. Full fine-tuning is planned with all at once.",
    ),
    "workspace": Why(
        what="Scratch space of the libraries.",
        effect="Buffers of matrix products and temporary copies of weights that are unpacked.",
    ),
    "context": Why(
        what="What the driver and the libraries take before any work is done.",
        effect="The CUDA context, or on a processor Python and its libraries, with their "
        "workspace and temporary copies.",
        start="Cannot be made smaller.",
    ),
}
"""By drawn part, and for those that are drawn together also each by itself."""

SOURCE = Why(
    what="There are three ways to know what a run will need: by formula at once, by a trace in "
    "seconds, by measuring in about a minute.",
    effect="The formula adds up what every matrix and every layer takes. A trace runs one training "
    "step of the real program on tensors that hold nothing and counts each of them. Measuring does "
    "two real steps on the longest rows and one evaluation; nothing is kept but the peak.",
    start="The formula is enough where it fits with room to spare. Trace where it is close, and "
    "measure before a long run.",
    source="docs/memory.md has the errors of each against public measurements.",
)
"""Where the numbers of the Memory page come from."""

EVIDENCE = Why(
    what="What was planned for each run and probe on this device, and what it took.",
    effect="The plan is for the longest rows together, which a short run may never meet: then it "
    "took less. What was measured beside the tensors, by the driver, the libraries and the memory "
    "that they keep, calibrates the next plans; the formulas of the tensors never change.",
    start="Measure once on a new machine: the interval narrows with every measurement.",
)
"""How good the plan was."""
