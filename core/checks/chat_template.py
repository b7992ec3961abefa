"""Does the model know how a conversation is written, and does it take all of ours?"""

from core.checks.base import Finding, check, refused
from core.checks.context import CheckContext


@check("chat-template", 14)
def chat_template(context: CheckContext) -> Finding | None:
    """Block where rows cannot be rendered; warn where the model has no template for them."""
    if context.token_error is not None:
        return refused(context.token_error)
    if context.table is None or context.table.format == "text":
        return None
    if context.tokens is not None:
        has_template = context.tokens.has_chat_template
    elif context.model is not None:
        has_template = context.model.has_chat_template
    else:
        return None
    if not has_template:
        return Finding(
            "warn",
            "This model has no chat template: rows are written as question, line break, answer.",
            "Choose an instruct model to train a conversation.",
        )
    return Finding("ok", "Conversations are written with the model's own chat template.")
