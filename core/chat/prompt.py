"""The conversation so far as the tokens after which an answer comes."""

from typing import TYPE_CHECKING, Any

from core.data.render import render
from core.data.table import Conversation, Message
from core.errors import UserError

if TYPE_CHECKING:
    import torch


def prompt_ids(messages: Conversation, tokenizer: Any) -> "torch.Tensor":
    """Return the ids (1, positions) that `tokenizer` gives up to the start of the next answer.

    The conversation is rendered with a made-up answer by the code that renders the rows for
    training, and cut where that answer begins: what is asked here has the form that was learned.

    Raises:
        UserError: The template refuses the conversation or shows no answers.
    """
    rendered = render((*messages, Message("assistant", "x")), tokenizer)
    answer = rendered.answers[-1]
    if answer is None:
        raise UserError(
            "The chat template of this model shows no answers.", "Choose a model that can chat."
        )
    encoded = tokenizer(
        rendered.text[: answer.start],
        add_special_tokens=rendered.add_special_tokens,
        return_tensors="pt",
    )
    ids: torch.Tensor = encoded["input_ids"]
    return ids
