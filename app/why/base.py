"""The shape of an explanation."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Why:
    """An explanation.

    Attributes:
        what: What it is, in a sentence for a newcomer.
        effect: What it changes here.
        start: A good value to start with.
        source: Where this is from.
    """

    what: str
    effect: str = ""
    start: str = ""
    source: str = ""
