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
        effect="JSONL, JSON, CSV, Parquet, Arrow and text files are read, also packed with gzip or "
        "zstd, and folders of them; their columns are recognised.",
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
    "data.template": Why(
        what="A text with names of columns in braces; every row gives a question of that form.",
        effect="Nothing but the composed text is read as the question. {{ and }} stand for braces.",
        start="Empty, unless the question is spread over several columns.",
    ),
    "data.train_on": Why(
        what="Which words the model is asked to predict.",
        effect="answers: questions are read but not learned, so that nothing is wasted on "
        "imitating the one who asks. last answer: only that one, where earlier ones are mere "
        "lead-up. everything: both, for plain text.",
        start="answers, when the data has questions and answers.",
    ),
    "data.fold_turns": Why(
        what="Some chat templates know no system turn, or want question and answer by turns.",
        effect="A system turn is put into the question after it, and turns of one speaker that "
        "follow each other become one. No word is lost.",
        start="Off, unless a check says that the template refuses rows.",
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
    "data.skip_repeated": Why(
        what="Leaves out every row that says word for word what an earlier one says.",
        effect="What stands there often is learned more than what stands there once. Skipped rows "
        "are neither trained nor tested on; the file stays as it is.",
        start="On, unless the repetitions are meant as weights.",
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
    "adapter.rank_pattern": Why(
        what="Modules that have a rank of their own, as the Ranks page or `rankscope retrain` "
        "recommends; all others have the rank above.",
        effect="Parameters go where directions are used. Such a module keeps the factor of the "
        "others, so the learning rate stays right.",
        start="None, until a first run has shown which modules use their rank.",
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
        effect="cosine and linear end at zero, so that the last steps settle; constant does not. "
        "wsd (warm-up, stable, decay) stays at the peak and falls only at the end: a run that "
        "turns out too short can go on from a checkpoint before the fall.",
        start="cosine; wsd where you do not know yet how long to train.",
        source="Hu et al. 2024, MiniCPM, arXiv:2404.06395",
    ),
    "training.decay_share": Why(
        what="With the schedule wsd: the share of all steps, at the end, in which the learning "
        "rate falls to zero.",
        effect="It falls as 1 − √x, fast at first. Until then the loss stays higher than with "
        "cosine; in the fall it catches up.",
        start="0.2. The other schedules do not use it.",
        source="Hägele et al. 2024, arXiv:2405.18392",
    ),
    "training.lora_plus": Why(
        what="How many times as fast B learns as A; ΔW is their product.",
        effect="B begins at zero and has to grow, A need only turn. In wide models one rate for "
        "both is too low for B. The learning rate is that of A: lower it when you raise this.",
        start="1, which is plain LoRA. 16 is what its authors use, with a lower learning rate.",
        source="Hayou et al. 2024, LoRA+, arXiv:2402.12354",
    ),
    "training.label_smoothing": Why(
        what="The share of the target that goes to all tokens alike instead of the right one.",
        effect="The model is kept from being too sure. Losses become larger, and can be compared "
        "only among runs with the same value.",
        start="0; 0.05 to 0.1 where the answers contain mistakes.",
        source="Szegedy et al. 2015, arXiv:1512.00567, section 7",
    ),
    "training.z_loss": Why(
        what="A gentle pull of the scores that the model gives its tokens to a common size.",
        effect="Adds this times log²Z to the loss, where Z is the sum that turns scores into "
        "probabilities. It keeps long runs in 16 bits from drifting into large numbers.",
        start="0. 1e-4 if the loss jumps in long runs.",
        source="Chowdhery et al. 2022, PaLM, arXiv:2204.02311, section 5",
    ),
    "training.warmup": Why(
        what="Steps in which the learning rate rises from zero.",
        effect="The optimizer does not know the size of the gradients yet; small steps first.",
        start="About 5 % of all steps.",
    ),
    "training.optimizer": Why(
        what="The rule that turns gradients into changes.",
        effect="AdamW keeps two numbers per trained parameter, its 8-bit form a quarter of that; "
        "paged, they may move out of a full GPU. Lion keeps one number and wants a learning rate "
        "3 to 10 times lower. Adafactor keeps one per row and column, SGD none.",
        start="AdamW: an adapter is small, so there is little to save.",
        source="arXiv:1711.05101; arXiv:2110.02861; arXiv:2302.06675; arXiv:1804.04235",
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
    "training.packing": Why(
        what="Lay rows end to end, instead of padding all of them to the longest.",
        effect="No time goes into padding. Each row still sees only itself; before the first step "
        "a trial on your model proves it, and where it fails rows are padded.",
        start="On.",
        source="Krell et al. 2021, arXiv:2107.02027",
    ),
    "training.adapter_products": Why(
        what="Number type of the products with A and B. The factors themselves stay fp32.",
        effect="In the model's type a step is up to a fifth shorter on a processor, and the "
        "gradients of A and B are rounded to 8 bits of precision.",
        start="fp32.",
    ),
    "model.attention_dtype": Why(
        what="Number type of attention's scores over packed rows.",
        effect="On a processor fp32 is often faster than bf16, because rows are short; a probe "
        "at the start tells, and run.toml keeps what it said.",
        start="auto.",
    ),
    "training.keep_activations": Why(
        what="Keep, on the disk, what the frozen blocks below the first adapted one make of a row.",
        effect="From the second epoch on their forward pass is spared. Of use where only upper "
        "layers are adapted and the data is read several times.",
        start="Off.",
    ),
    "training.compile": Why(
        what="Let torch.compile fuse the operations of each block before the first step.",
        effect="Costs up to a minute at the start; the log says what a pass gains and after how "
        "many passes that has paid.",
        start="Off; worth a try for long runs on a GPU.",
    ),
    "training.deterministic": Why(
        what="Make a GPU add up in one order always. A processor does so anyway.",
        effect="A resumed run gives the very numbers of an uninterrupted one, for about a "
        "seventh of the speed.",
        start="Off.",
    ),
    "training.early_stopping": Why(
        what="Evaluations in a row without a lower validation loss after which the run finishes.",
        effect="Saves the time in which the adapter only learns its rows by heart. The adapter is "
        "taken from the best step either way.",
        start="0, which means never; 3 for long runs.",
    ),
    "training.samples": Why(
        what="Held-out questions that the model answers at every evaluation.",
        effect="You read what it has learned while it learns. Each answer takes a few seconds on "
        "a processor and touches neither the training nor its random numbers.",
        start="2.",
    ),
    "training.sample_tokens": Why(
        what="The longest sample answer, in tokens.",
        effect="Longer answers tell more and take longer.",
        start="32.",
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
