"""Settings that can be taken back; a movement such as a drag counts as one change."""

from collections.abc import Iterable
from time import monotonic

from core.settings import RunSettings

LIMIT = 200
STROKE_SECONDS = 2.0
"""A pause of that length ends a stroke."""


class Undo:
    """What the settings were before each change, and what has been taken back."""

    def __init__(self) -> None:
        self._past: list[RunSettings] = []
        self._future: list[RunSettings] = []
        self._keys: frozenset[str] = frozenset()
        self._end = 0.0

    @property
    def previous(self) -> RunSettings | None:
        """The settings that `back` would bring, None where there is nothing to take back."""
        return self._past[-1] if self._past else None

    def origin(self, settings: RunSettings, stroke: Iterable[str]) -> RunSettings:
        """Return what a change starts from: of a stroke that goes on, what was before it began.

        What half of a number brought along goes with it so.

        Args:
            settings: As they are.
            stroke: The keys that are moved; empty where the change stands by itself.
        """
        if self._goes_on(frozenset(stroke)) and self._past:
            return self._past[-1]
        return settings

    def keep(self, settings: RunSettings, changed: RunSettings, stroke: Iterable[str]) -> None:
        """Remember the settings before they are `changed`."""
        keys = frozenset(stroke)
        if not self._goes_on(keys):
            self.push(settings)
        elif self._past and changed == self._past[-1]:
            self._past.pop()  # back where the movement began: nothing to take back
        self._future.clear()
        self._keys, self._end = keys, monotonic() + STROKE_SECONDS

    def push(self, settings: RunSettings) -> None:
        """Remember the settings before others take their place as a whole."""
        self._past = [*self._past[-LIMIT:], settings]
        self._future.clear()

    def back(self, settings: RunSettings) -> RunSettings | None:
        """Take the last change back; return what was before it."""
        self._keys = frozenset()
        if not self._past:
            return None
        self._future.append(settings)
        return self._past.pop()

    def forward(self, settings: RunSettings) -> RunSettings | None:
        """Make the change again that was taken back last; return what it came to."""
        if not self._future:
            return None
        self._past.append(settings)
        return self._future.pop()

    def _goes_on(self, keys: frozenset[str]) -> bool:
        return bool(keys) and keys == self._keys and monotonic() < self._end
