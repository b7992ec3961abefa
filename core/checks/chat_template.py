"""Does the model know how a conversation is written, and does it take all of ours?"""

from itertools import pairwise

from core.checks.base import Finding, check, refused
from core.checks.context import CheckContext


@check("chat-template", 14)
def chat_template(context: CheckContext) -> Finding | None:
    """Block where rows cannot be rendered; warn where the model has no template for them."""
    if context.token_error is not None:
        unfolded = _unfolded(context)
        if unfolded:
            return Finding(
                "block",
                f"The chat template of this model refuses rows; {unfolded}.",
                "Fold such turns into the ones beside them (data.fold_turns).",
                {"data.fold_turns": True},
            )
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


def _unfolded(context: CheckContext) -> str:
    """Return what folding turns would mend, "" where nothing of that kind is wrong."""
    if context.table is None or context.settings.data.fold_turns:
        return ""
    rows = context.table.rows
    system = sum(any(message.role == "system" for message in row) for row in rows)
    repeated = sum(any(a.role == b.role for a, b in pairwise(row)) for row in rows)
    found = [
        f"{number:,} of {len(rows):,} {words}"
        for number, words in (
            (system, "have a system turn"),
            (repeated, "have two turns of one speaker in a row"),
        )
        if number
    ]
    return " and ".join(found)
