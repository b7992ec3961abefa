"""Why the hub keeps a model from somebody, told apart: each needs another step of theirs."""

from typing import Any

from core.errors import UserError


class NoAccess(UserError):
    """The hub has the model and does not give it: a run with it cannot start."""


def gated_in_words(hub_id: str, error: Any) -> NoAccess:
    """Return what a `GatedRepoError` of huggingface_hub comes to for this person."""
    from huggingface_hub import get_token

    said = f"{getattr(error, 'server_message', '') or ''} {error}".lower()
    status = getattr(getattr(error, "response", None), "status_code", 0)
    page = f"huggingface.co/{hub_id}"
    if "awaiting" in said or "pending" in said:
        return NoAccess(
            f"Access to {hub_id} was asked for, and its owner has not answered yet.",
            f"Wait for their mail; {page} tells how it stands.",
        )
    if not get_token():
        return NoAccess(
            f"{hub_id} wants its conditions accepted first, and nobody is logged in here.",
            f"Accept them on {page}, then `hf auth login`.",
        )
    if status == 401:
        return NoAccess(
            f"The hub does not know the token that is kept here, and {hub_id} wants one.",
            "Make a new one on huggingface.co/settings/tokens, then `hf auth login`.",
        )
    if "fine-grained" in said:
        return NoAccess(
            f"The token that is kept here may not read models with conditions such as {hub_id}.",
            "Allow that on huggingface.co/settings/tokens.",
        )
    return NoAccess(
        f"{hub_id} wants its conditions accepted first.",
        f"Accept them on {page} with the account of `hf auth whoami`, then look again.",
    )
