"""Features that are found by walking a folder: adding one is adding one file."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Generic, TypeVar

from core.errors import UserError

T = TypeVar("T")


class Registry(Generic[T]):
    """Named features of one kind, filled by decorators when their files are imported."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._entries: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that files its argument under `name`.

        Raises:
            ValueError: The name is taken.
        """

        def file_under_name(entry: T) -> T:
            if name in self._entries:
                raise ValueError(f"{self._kind} {name!r} is registered twice")
            self._entries[name] = entry
            return entry

        return file_under_name

    def __getitem__(self, name: str) -> T:
        """Return the entry called `name`; an unknown name is a UserError that lists the known."""
        try:
            return self._entries[name]
        except KeyError:
            known = ", ".join(self)
            raise UserError(
                f"There is no {self._kind} called {name!r}.", f"Known: {known}."
            ) from None

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._entries))

    def __len__(self) -> int:
        return len(self._entries)


def import_siblings(package: ModuleType | str) -> None:
    """Import every module of `package`, so that each can register what it holds."""
    found = importlib.import_module(package) if isinstance(package, str) else package
    for module in pkgutil.iter_modules(found.__path__):
        importlib.import_module(f"{found.__name__}.{module.name}")
