"""What a loaded adapter is asked after the run: is it whole, does it stop, what has it forgotten?

All of it happens in the fresh process of the proof (`core.training.proof`), on a model that has
seen none of the training.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel, get_peft_model_state_dict

from core.chat.speaker import stop_ids
from core.errors import UserError
from core.paths import resources_dir
from core.training.deliverable import TEMPLATE
from core.training.questions import Asked

_SHORTEST, _LONGEST = 32, 256
_PARAGRAPHS, _TOKENS = 6, 96
_SAMPLE = (
    {"role": "user", "content": "What is a rank?"},
    {"role": "assistant", "content": "A number of directions."},
)
_NO_ANSWER = (RuntimeError, TypeError, ValueError, AttributeError, KeyError, IndexError, UserError)
"""What architectures and templates raise that know no conversation."""


def tensors_that_match(model: PeftModel, saved: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    """Compare what was loaded with the file; PEFT says nothing of names that do not fit."""
    loaded = get_peft_model_state_dict(model, save_embedding_layers=False)
    lost = [
        name
        for name, tensor in saved.items()
        if name not in loaded or not torch.equal(loaded[name].cpu().to(tensor.dtype), tensor)
    ]
    lost += [name for name in loaded if name not in saved]
    return {"matched": len(saved) - sum(name in saved for name in lost), "lost": lost}


def answers_that_stop(
    model: PeftModel, tokenizer: Any, questions: Sequence[Asked]
) -> dict[str, int]:
    """Ask the kept questions and count the answers that end by themselves."""
    ends, stopped = stop_ids(model, tokenizer), 0
    try:
        for asked in questions:
            most = max(_SHORTEST, min(2 * asked.wanted, _LONGEST))
            ids = torch.tensor([asked.ids], device=model.device)
            output = model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=most,
                do_sample=False,
                eos_token_id=sorted(ends),
                pad_token_id=tokenizer.pad_token_id,
            )
            stopped += int(output[0, -1]) in ends
    except _NO_ANSWER:  # a model that cannot chat is not asked; training says so as well
        return {"asked": 0, "stopped": 0}
    return {"asked": len(questions), "stopped": stopped}


def template_verdict(adapter: Path, tokenizer: Any) -> dict[str, str]:
    """Write a conversation by the template beside the adapter, and by the model's own."""
    file = adapter / TEMPLATE
    if not file.is_file() or not tokenizer.chat_template:
        return {"template": ""}
    try:
        own, beside = (
            tokenizer.apply_chat_template(_SAMPLE, tokenize=False, chat_template=template)
            for template in (None, file.read_text("utf-8"))
        )
    except _NO_ANSWER:
        return {"template": ""}
    return {"template": "same" if own == beside else "other"}


def general_losses(model: PeftModel, tokenizer: Any) -> dict[str, float]:
    """Return the mean loss on a little general text without and with the adapter."""
    text = (resources_dir() / "data" / "general_text.txt").read_text("utf-8")
    paragraphs = [part for part in text.split("\n\n") if part.strip()][:_PARAGRAPHS]
    batches = [
        tokenizer(part, return_tensors="pt")["input_ids"][:, :_TOKENS].to(model.device)
        for part in paragraphs
    ]
    with torch.no_grad():
        after = _loss(model, batches)
        with model.disable_adapter():
            before = _loss(model, batches)
    return {"general_before": before, "general_after": after}


def _loss(model: PeftModel, batches: list[torch.Tensor]) -> float:
    total, tokens = 0.0, 0
    for ids in batches:
        logits = model(input_ids=ids).logits[0, :-1].float()
        total += float(torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum"))
        tokens += ids.shape[1] - 1
    return total / max(1, tokens)
