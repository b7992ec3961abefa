"""`docs/checks.md`, written from the checks: `python -m core.report.checklist FILE`.

A test compares the file with what this module writes, and finds an item that nothing answers.
"""

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

from core.checks import CHECKS
from core.checks.base import NUMBERS
from core.report.guards import WATCHED

LIST = {
    1: "Products and their gradients fail on the device.",
    2: "Weights of 4 or 8 bits fail on the device.",
    3: "A family that overflows in fp16 is trained in it.",
    4: "The planned peak exceeds the free memory.",
    5: "Other programs hold more than 500 MB of the GPU.",
    6: "A weight lies outside of the device after loading.",
    7: "The hub wants conditions accepted, or a token.",
    8: "Files of the model are missing.",
    9: "The model brings Python code of its own.",
    10: "The data cannot be read.",
    11: "Nobody knows which column is what.",
    12: "Which column is what was guessed.",
    13: "Empty answers, repeated rows, held-out rows like learned ones.",
    14: "The chat template refuses rows.",
    15: "Markers of the chat template are no tokens.",
    16: "A base model has never seen the markers of its chat template.",
    17: "Some answers have thoughts, others none.",
    18: "Rows have no trained token.",
    19: "Not every answer is trained.",
    20: "Answers are cut.",
    21: "Answers do not end with a trained end of turn.",
    22: "Padding and stop token are the same.",
    23: "A start token is doubled or missing.",
    24: "Tokens have no embedding.",
    25: "A target matches no module.",
    26: "Embeddings or the head are targets.",
    27: "Vision or audio layers are targets of text.",
    28: "Steps, warm-up, batch and intervals do not go together.",
    29: "Nothing is held out.",
    30: "Learning rate or scaling are out of their usual bands.",
    31: "Packed rows could see each other.",
    32: "The disk has no room.",
    33: "The run cannot be written, or its name is taken.",
    34: "Another run trains on this device.",
    35: "The computer runs on its battery.",
    36: "A rehearsal fails: two steps, an evaluation, save, reload.",
    37: "Programs cannot load what the method makes.",
    38: "Tokens in the cache are of another file.",
}
"""The preflight list."""
CANNOT_HAPPEN = {
    22: "Padding is masked by its position, never by its id.",
    26: "Targets are matrices inside the blocks; embeddings and the head are none.",
    27: "Targets are matrices of the text model; towers are left out.",
    38: "The cache is keyed by the rows, the tokenizer and the code themselves.",
}
"""What needs no check, and why."""

_HEAD = """# What is checked, and when

Before a run the window and `rankscope check RUN.toml` go through the list below. A **block** keeps
the run from starting, a **warn** asks for a second look ("Start anyway"), an **info** is good to
know. Where a setting mends it, a button sets it, and another takes that back. Checks that need the
tokenizer, the device or the model run in the worker. The rehearsal takes half a minute with the
starter model and runs when it is asked for: "Try it", or `rankscope check RUN.toml --try`.

This page is written by `make docs` from the checks themselves.

## Before the run
"""
_GUARDS = """
## While it trains

A guard that has something to say writes it into the log, stops the run where it must, and stands in
`report.html`. What is true of a run in which it was quiet:
"""
_PROOFS = """
## After the run

A fresh process loads the adapter from the disk and looks at it. Each proof is one sentence in
`report.html` and in the window, beside the answers of the run ("Proofs").

| | Proof |
|---|---|
| X1 | All tensors of the adapter came back as they were saved. |
| X2 | Every module learned something, and the logits differ from the base model's. |
| X3 | Five answers to held-out questions stop by themselves. |
| X4 | The chat template beside the adapter writes a conversation as the model's own does. |
| X5 | The adapter is that of the step with the lowest validation loss. |
| X6 | On general text the loss is at most 0.1 nats per token worse than without the adapter. |
| X7 | Merged and GGUF files give the same: a run makes none, so there is nothing to try. |
| X8 | Name and SHA-256 of the base model are written down. |
"""


def page() -> str:
    """Return the page in Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _HEAD
    yield "| | What would go wrong | Check | Levels |"
    yield "|---|---|---|---|"
    for number, words in LIST.items():
        names = [name for name, answered in NUMBERS.items() if number in answered]
        checks = ", ".join(f"`{name}`" for name in sorted(names)) or CANNOT_HAPPEN[number]
        yield f"| {number} | {words} | {checks} | {', '.join(_levels(names))} |"
    own = [name for name in CHECKS if not NUMBERS[name]]
    yield "\nBeside the list:\n"
    for name in own:
        yield f"- `{name}`: {_question(name)}"
    yield _GUARDS
    yield "| | |\n|---|---|"
    yield from (f"| {name} | {words} |" for name, words in WATCHED.items())
    yield _PROOFS


def _levels(names: list[str]) -> list[str]:
    """Return the levels that the files of these checks speak of."""
    sources = [inspect.getsource(sys.modules[CHECKS[name].__module__]) for name in names]
    said = {level for level in ("block", "warn", "info") for s in sources if f'"{level}"' in s}
    said |= {"block" for source in sources if "refused(" in source}
    return [level for level in ("block", "warn", "info") if level in said]


def _question(name: str) -> str:
    text = sys.modules[CHECKS[name].__module__].__doc__ or ""
    return text.partition("\n")[0]


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), "utf-8")
