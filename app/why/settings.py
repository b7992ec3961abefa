"""Why, for every setting of a run."""

from app.why.base import Why

_LORA = "Hu et al. 2021, LoRA, arXiv:2106.09685"
_QLORA = "Dettmers et al. 2023, QLoRA, arXiv:2305.14314"
_WITHOUT_REGRET = "Schulman et al. 2025, LoRA Without Regret, thinkingmachines.ai/blog/lora"

SETTINGS: dict[str, Why] = {
    "name": Why(
        what="What this run is called, and the folder that holds everything about it.",
        effect="A name that is taken gets a number: definitions, definitions-2.",
    ),
    "model.source": Why(
        what="The trained network that you start from.",
        effect="Its weights stay as they are; training writes a small adapter beside them.",
        start="The starter model: small enough to train within minutes on any computer.",
    ),
    "model.bits": Why(
        what="How precisely the frozen weights are kept while you train.",
        effect="16-bit is plain LoRA. 8-bit and 4-bit are QLoRA: the weights take a half or about "
        "a quarter of the memory, each step takes a little longer, and the base is rounded.",
        start="16-bit if it fits, else 4-bit with double quantization.",
        source=_QLORA,
    ),
    "model.double_quant": Why(
        what="4-bit weights come in blocks of 64, each with its own scale; this shrinks the "
        "scales too.",
        effect="Saves 0.37 bit per weight, about 3 GB for a model of 65 billion parameters, at "
        "no cost that could be measured.",
        start="On. It does nothing for 16-bit and 8-bit weights.",
        source=_QLORA + ", section 3",
    ),
    "model.dtype": Why(
        what="The number type in which the products are computed.",
        effect="bf16 and fp16 halve the memory of activations; fp32 is slower and exact.",
        start="auto: a short probe finds out what is fast on this machine.",
    ),
    "model.attention": Why(
        what="How the attention scores are computed.",
        effect="sdpa never holds the whole table of scores, eager does: its memory grows with the "
        "square of the length.",
        start="sdpa.",
    ),
    "data.path": Why(
        what="The examples to learn from: questions with the answers you want.",
        effect="JSONL, JSON, CSV, Parquet and text files are read; their columns are recognised.",
        start="The starter data: 3,000 dictionary definitions.",
    ),
    "data.prompt_column": Why(
        what="The column that holds the question.",
        effect="Only needed where it is not recognised by its name.",
        start="Leave it empty.",
    ),
    "data.answer_column": Why(
        what="The column that holds the answer to learn.",
        effect="Only needed where it is not recognised by its name.",
        start="Leave it empty.",
    ),
    "data.train_on": Why(
        what="Which words the model is asked to predict.",
        effect="answers: questions are read but not learned, so that nothing is wasted on "
        "imitating the one who asks. everything: both, for plain text.",
        start="answers, when the data has questions and answers.",
    ),
    "data.max_length": Why(
        what="The longest row, in tokens; a token is a word or a piece of one.",
        effect="Longer rows are cut, and a cut answer does not teach where to stop. Memory grows "
        "with this.",
        start="The length that keeps all rows whole, if memory allows; see the histogram.",
    ),
    "data.held_out": Why(
        what="The share of rows that training never sees, to test on.",
        effect="The validation loss is measured on them. They are chosen by content, so that the "
        "same text is never on both sides.",
        start="0.05, or about a hundred rows.",
    ),
    "adapter.method": Why(
        what="How the change of a weight matrix is written down.",
        effect="LoRA adds (α/r)·B·A. rsLoRA scales by α/√r, so that high ranks learn as boldly "
        "as low ones. DoRA learns the length of each weight column besides; it is slower.",
        start="LoRA; rsLoRA above rank 64.",
        source=_LORA + "; arXiv:2312.03732; arXiv:2402.09353",
    ),
    "adapter.targets": Why(
        what="The matrices that get an adapter; all others stay exactly as they are.",
        effect="More matrices can change more, and cost more memory.",
        start="All linear layers: with few parameters it beats attention alone at a higher rank.",
        source=_WITHOUT_REGRET,
    ),
    "adapter.rank": Why(
        what="In how many independent directions a matrix may change.",
        effect="Parameters, optimizer memory and file size grow in proportion. Afterwards the "
        "Ranks page shows how many directions were really used.",
        start="16. More than 64 pays off only with a lot of data.",
        source=_LORA + ", section 7.2",
    ),
    "adapter.alpha": Why(
        what="A volume knob: the change is multiplied by α/r.",
        effect="With α = 2r the factor stays 2 whatever the rank, and the learning rate need not "
        "be changed along with it.",
        start="Twice the rank.",
        source=_LORA + ", section 4.1",
    ),
    "adapter.dropout": Why(
        what="The share of the adapter's inputs that is silenced at random while training.",
        effect="Makes it harder to learn the rows by heart; helps with little data and many "
        "epochs.",
        start="0, or 0.05 for fewer than a thousand rows.",
    ),
    "training.steps": Why(
        what="How many times the adapter is changed.",
        effect="One step reads one effective batch. An epoch is the number of steps in which "
        "every row is read once.",
        start="One to three epochs.",
    ),
    "training.micro_batch": Why(
        what="How many rows go through the model at once.",
        effect="Memory of activations and logits grows in proportion. Together with accumulation "
        "it gives the effective batch.",
        start="As many as fit.",
    ),
    "training.accumulation": Why(
        what="How many micro-batches are added up before the adapter is changed.",
        effect="A larger effective batch without more memory; the result is the same as with one "
        "large batch.",
        start="1; more when memory allows only a small micro-batch.",
    ),
    "training.learning_rate": Why(
        what="How far each step goes.",
        effect="Too high and the loss jumps; too low and nothing happens. LoRA wants about ten "
        "times what full fine-tuning wants.",
        start="2e-4 to 5e-4.",
        source=_WITHOUT_REGRET,
    ),
    "training.schedule": Why(
        what="How the learning rate goes on after the warm-up.",
        effect="cosine and linear end at zero, so that the last steps settle; constant does not.",
        start="cosine.",
    ),
    "training.warmup": Why(
        what="Steps in which the learning rate rises from zero.",
        effect="The optimizer does not know the size of the gradients yet; small steps first.",
        start="About 5 % of all steps.",
    ),
    "training.optimizer": Why(
        what="The rule that turns gradients into changes.",
        effect="AdamW keeps two numbers per trained parameter, its 8-bit form a quarter of that, "
        "SGD none.",
        start="adamw: an adapter is small, so there is little to save.",
    ),
    "training.weight_decay": Why(
        what="A gentle pull of the trained weights to zero.",
        effect="Keeps the change small where the data does not ask for it.",
        start="0.",
    ),
    "training.max_gradient_norm": Why(
        what="The longest gradient that is obeyed as it is.",
        effect="A longer one, from an odd batch, is scaled down. 0 switches this off.",
        start="1.",
    ),
    "training.gradient_checkpointing": Why(
        what="Forget what a block of layers computed, and compute it again when it is needed.",
        effect="Activations shrink to a fraction, but each step takes up to a third longer. Auto "
        "does it for as many blocks as the device has no memory for, often none.",
        start="Off, or auto when memory is short.",
        source="Chen et al. 2016, arXiv:1604.06174",
    ),
    "training.evaluate_every": Why(
        what="Steps between two looks at the held-out rows.",
        effect="Each look costs time, and gives a point of the validation curve and of the ranks.",
        start="About a tenth of all steps.",
    ),
    "training.checkpoint_every": Why(
        what="Steps between two savings of everything that is needed to go on.",
        effect="After a crash or a pause, training goes on from the newest one.",
        start="As often as you evaluate.",
    ),
    "training.keep_checkpoints": Why(
        what="How many of the newest checkpoints stay on the disk, beside the best.",
        effect="Each takes about three times the size of the adapter.",
        start="2.",
    ),
    "training.seed": Why(
        what="The number from which all chance is drawn: order of rows, start of A, dropout.",
        effect="The same seed and settings give the same run.",
        start="Any. Change it to see how much of a result is luck.",
    ),
    "tracking.trackers": Why(
        what="Programs outside this window that draw the curves of many runs side by side.",
        effect="Each gets losses, learning rate, gradient norm, speed and memory, and the "
        "settings. The files lie in the run folder; Weights & Biases sends them to its server, "
        "unless WANDB_MODE=offline is set. If one fails, the run goes on without it.",
        start="None: this window draws the same curves.",
    ),
}
"""By dotted key."""
