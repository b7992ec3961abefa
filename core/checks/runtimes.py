"""Which programs will be able to load the adapter?"""

from core.checks.base import Finding, check
from core.checks.context import CheckContext


@check("runtimes", 37)
def runtimes(context: CheckContext) -> Finding | None:
    """Tell of programs that cannot load what the method makes."""
    if context.settings.adapter.method == "dora":
        return Finding(
            "info",
            "vLLM and llama.cpp cannot load a DoRA adapter; PEFT can.",
            "Choose LoRA if you need them, or convert the adapter afterwards (rankscope convert).",
            {"adapter.method": "lora"},
        )
    return Finding("ok", "PEFT, vLLM and llama.cpp can load such an adapter.")
