"""The README.md of an adapter folder, as model hubs show it."""

from collections.abc import Iterable

_CARD = """\
---
{metadata}library_name: peft
pipeline_tag: text-generation
tags:
- lora
- rankscope
---

# {name}

{summary}

| | |
|---|---|
{facts}
```python
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

base = AutoModelForCausalLM.from_pretrained("{base}")
tokenizer = AutoTokenizer.from_pretrained("{base}")
model = PeftModel.from_pretrained(base, "path/to/this/folder")
```

The licence of the base model{licence} also governs the use of this adapter.
"""


def model_card(
    *, name: str, summary: str, base: str, facts: Iterable[tuple[str, str]], licence: str = ""
) -> str:
    """Return the card in Markdown.

    Args:
        name: The heading.
        summary: One sentence below it.
        base: What others know the base model by; "" where nobody wrote it down.
        facts: The rows of its table.
        licence: That of the base model, "" where it is not known.
    """
    return _CARD.format(
        metadata=f"base_model: {base}\n" if base else "",
        name=name,
        summary=summary,
        facts="".join(f"| {label} | {value} |\n" for label, value in facts),
        base=base or "path/to/the/base/model",
        licence=f" ({licence})" if licence else "",
    )
