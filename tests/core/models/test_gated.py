"""Why the hub keeps a model from somebody, in words that lead on."""

from types import SimpleNamespace

import pytest

from core.models.gated import gated_in_words


class Refusal(Exception):
    """What huggingface_hub raises, as far as it counts here."""

    def __init__(self, words: str, status: int) -> None:
        super().__init__(words)
        self.response = SimpleNamespace(status_code=status)


@pytest.mark.parametrize(
    ("words", "status", "token", "message", "hint"),
    [
        ("Access is restricted", 401, None, "nobody is logged in", "hf auth login"),
        ("Invalid user token", 401, "hf_x", "does not know the token", "settings/tokens"),
        ("Access is restricted", 403, "hf_x", "conditions accepted", "huggingface.co/org/model"),
        ("Your request is awaiting a review", 403, "hf_x", "has not answered yet", "Wait"),
        ("Please enable access in your fine-grained token", 403, "hf_x", "may not read", "Allow"),
    ],
)
def test_each_refusal_says_what_to_do(
    words: str,
    status: int,
    token: str | None,
    message: str,
    hint: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("huggingface_hub.get_token", lambda: token)
    error = gated_in_words("org/model", Refusal(words, status))
    assert message in error.message
    assert hint in error.hint
