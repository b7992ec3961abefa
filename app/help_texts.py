"""The texts of the Help page."""

TOPICS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "What happens here",
        (
            "A language model is a stack of layers, and each layer is a handful of large tables "
            "of numbers: its weight matrices. You show the model examples, and Rankscope changes "
            "it a little so that it answers more like them.",
            "The model itself stays frozen. What is learned goes into a small adapter beside it, "
            "some megabytes instead of gigabytes, that can be switched on and off. Frozen things "
            "are blue-grey in this window, learned ones orange.",
        ),
    ),
    (
        "What is a rank?",
        (
            "To change a matrix W with m × n numbers freely, you would have to learn m × n "
            "numbers. LoRA learns two thin matrices instead, B with m × r and A with r × n, and "
            "adds their product: W + (α/r) · B · A. The small number r is the rank.",
            "The rank is the number of independent directions in which the matrix may change. "
            "Rank 1 can turn it in one direction only; rank 16 in sixteen. After training, the "
            "Ranks page shows how many of them really carry something: that is what the "
            "singular values tell.",
        ),
    ),
    (
        "What do α and α/r do?",
        (
            "The change is multiplied by α/r before it is added: a volume knob. With α twice the "
            "rank the factor is 2, and stays 2 when you try another rank, so that the learning "
            "rate need not be changed along with it. rsLoRA divides by √r instead of r.",
        ),
    ),
    (
        "LoRA or QLoRA?",
        (
            "Both learn the same adapter. They differ in how the frozen weights are kept "
            "meanwhile: LoRA in 16 bits, QLoRA rounded to 8 or 4 bits, which takes a half or "
            "about a quarter of the memory and somewhat longer per step.",
            "Take LoRA where it fits, else QLoRA 4-bit with double quantization. The memory strip "
            "below shows all of them side by side for your settings. Full fine-tuning is drawn "
            "for comparison; Rankscope does not do it.",
        ),
    ),
    (
        "How sure is the memory plan?",
        (
            "The bars are computed by formula from the headers of the model, at once, and the thin "
            "line over each is the interval in which the run will lie. On the Memory page “Trace "
            "exactly” runs one training step without weights or data and counts every tensor; "
            "“Measure” does two real steps on the longest rows and keeps the peak.",
            "Every run and every measurement is listed there beside its plan. They teach Rankscope "
            "what your driver and libraries take for themselves: the next plans come closer.",
        ),
    ),
    (
        "Which layers?",
        (
            "All linear layers is a good start: attention (q, k, v, o) decides what is looked up, "
            "the MLP (gate, up, down) what is made of it. Fewer layers save memory and time, and "
            "the heat map of a first run shows where little was learned.",
        ),
    ),
    (
        "What do the plots mean?",
        (
            "Training loss: how surprised the model is by the answers it learns from, in nats. "
            "It falls and jitters; the smoothed line shows where it goes.",
            "Validation loss: the same on rows that were held out. When it rises while training "
            "loss falls, the model learns rows by heart: stop, or take fewer steps. The best "
            "point is kept.",
            "Gradient norm: how hard the data pulls. Single spikes are odd rows and are clipped; "
            "a steady climb means that the learning rate is too high.",
            "Singular values: how strongly the change acts in each direction. A steep fall means "
            "that fewer directions would do. The grey band is what random numbers would give.",
        ),
    ),
)

GLOSSARY: tuple[tuple[str, str], ...] = (
    ("Adapter", "The learned matrices A and B of all target layers; a file of some megabytes."),
    ("Checkpoint", "All that is needed to go on with a run later, exactly."),
    ("Effective batch", "Rows that are read before each change: micro-batch × accumulation."),
    ("Epoch", "As many steps as it takes to read every row once."),
    ("Held out", "Rows that are never trained on, to test on."),
    ("Micro-batch", "Rows that go through the model at once; decides the memory of activations."),
    ("Module", "One weight matrix inside a layer, such as up_proj."),
    ("Nat", "Unit of the loss: 0 is certain; 2.3 is a guess among ten equally likely words."),
    ("Peak", "The most memory that a run holds at any moment; it decides whether the run fits."),
    ("Scaling", "The factor before B · A: α/r for LoRA, α/√r for rsLoRA."),
    ("Token", "A word or a piece of one; what a model reads and writes."),
    (
        "Trained, masked, cut tokens",
        "Those that the model is asked to predict; those it only reads; those beyond max length.",
    ),
)

KEYS: tuple[tuple[str, str], ...] = (
    ("Ctrl+1 … Ctrl+8", "Show a page, in the order of the rail"),
    ("Ctrl+R", "Start or resume"),
    ("Ctrl+P", "Pause, or go on"),
    ("Ctrl+.", "Stop and save"),
    ("F6, Shift+F6", "Next or previous region: rail, page, memory strip, run bar"),
    ("Tab, arrow keys", "Next control; move inside a grid, a plot or a bar"),
    ("Ctrl+Shift+M", "Fold or open the memory strip"),
    ("Ctrl+Z, Ctrl+Shift+Z", "Undo or redo a change of settings"),
    ("F1", "“Why?” of the control that has the focus; Esc closes it"),
)
