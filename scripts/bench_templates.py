"""`python -m scripts.bench_templates`: what the limits of chat templates cost.

Processor time of rendering within limits, in shares of transformers' own rendering, medians of
seven rounds; the same work timed twice (A/A) tells how far the shares can be believed.
"""

from collections.abc import Callable
from statistics import median
from time import process_time

from transformers.utils.chat_template_utils import render_jinja_template

from core.data.template_limits import limited
from tests.core.data.chat_formats import FORMATS

ROUNDS = 7


def seconds(work: Callable[[], object], times: int) -> float:
    """Return the processor time of some calls."""
    begun = process_time()
    for _ in range(times):
        work()
    return process_time() - begun


def compare(name: str, turns: int, times: int) -> str:
    """Return one line for a format and a length of conversations."""
    source, roles = FORMATS[name].template, ("user", "assistant")
    messages = [{"role": roles[i % 2], "content": "word " * 40} for i in range(turns)]
    names = {"bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": False}

    def theirs() -> object:
        return render_jinja_template([messages], chat_template=source, **names)

    def ours() -> object:
        return limited(source).render(messages=messages, tools=None, documents=None, **names)

    rounds = [[seconds(work, times) for work in (theirs, theirs, ours)] for _ in range(ROUNDS)]
    base, again, within = (median(column) for column in zip(*rounds, strict=True))
    return f"{name}, {turns} turns: {within / base:.2f} (A/A {again / base:.2f})"


if __name__ == "__main__":
    for name in ("ChatML", "Qwen 3"):
        print(compare(name, 2, 800), compare(name, 40, 60), sep="\n")
