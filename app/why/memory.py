"""Why, for every part of a memory bar."""

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
