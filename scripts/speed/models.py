"""The models of the benchmark, made in a process of their own: the parent never loads torch.

python -m speed.models starter             print the folder of the starter model
python -m speed.models cut FOLDER          write its first eight blocks
python -m speed.models vocab SIZE FOLDER   write a random model with so many tokens
"""

import sys
from pathlib import Path

from core.control import Control
from core.libraries import prepare_libraries
from core.models.prepare import prepare

LAYERS = 8


def starter() -> Path:
    """Return the folder of the starter model, which is converted once."""
    steps = prepare("starter", Control())
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return Path(end.value)


def cut(folder: Path) -> None:
    """Write the starter model without all but its first blocks."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(starter(), dtype="auto")
    model.model.layers = model.model.layers[:LAYERS]
    model.config.num_hidden_layers = LAYERS
    _write(model, folder)


def vocab(size: int, folder: Path) -> None:
    """Write a random model of the starter's shape, two blocks high, with `size` tokens.

    `size` is at least that of the starter's tokenizer; tokens beyond it never occur in the data,
    but their logits cost what they cost.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(starter())
    config.num_hidden_layers, config.vocab_size = 2, size
    torch.manual_seed(0)
    _write(AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16), folder)


def _write(model: "object", folder: Path) -> None:
    from transformers import AutoTokenizer

    model.save_pretrained(folder)  # type: ignore[attr-defined]
    AutoTokenizer.from_pretrained(starter()).save_pretrained(folder)


if __name__ == "__main__":
    prepare_libraries()
    match sys.argv[1:]:
        case ["starter"]:
            print(starter())
        case ["cut", target]:
            cut(Path(target))
        case ["vocab", number, target]:
            vocab(int(number), Path(target))
        case _:
            sys.exit(__doc__)
