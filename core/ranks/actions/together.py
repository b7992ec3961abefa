"""Walking through several adapters at once, module by module."""

from collections.abc import Iterator, Sequence

from core.errors import UserError
from core.ranks.actions.draft import Draft, Slot
from core.ranks.update import Update


def together(drafts: Sequence[Draft]) -> Iterator[tuple[Update | None, ...]]:
    """Yield the updates of every module that any draft has, None where one has it not.

    Files usually keep their modules in the same order, and then one of each is in memory at a time.

    Raises:
        UserError: A module has another shape in another draft.
    """
    names = [{slot.name for slot in draft.slots} for draft in drafts]
    sources = [draft.updates() for draft in drafts]
    waiting: list[dict[str, Update]] = [{} for _ in drafts]
    for name in modules_of(drafts):
        yield tuple(
            _take(name, source, ahead) if name in known else None
            for known, source, ahead in zip(names, sources, waiting, strict=True)
        )


def modules_of(drafts: Sequence[Draft]) -> dict[str, Slot]:
    """Return a place for every module that any draft has, by name.

    Raises:
        UserError: A module has another shape in another draft.
    """
    found: dict[str, Slot] = {}
    for draft in drafts:
        for slot in draft.slots:
            first = found.setdefault(slot.name, slot)
            if first.shape != slot.shape:
                raise UserError(
                    f"{slot.name} is {_by(first)} in {drafts[0].name}, "
                    f"but {_by(slot)} in {draft.name}.",
                    "The adapters were made for different base models.",
                )
    return found


def _take(name: str, source: Iterator[Update], ahead: dict[str, Update]) -> Update:
    """Return the update called `name`, keeping those that come before it for later."""
    while name not in ahead:
        update = next(source)
        ahead[update.name] = update
    return ahead.pop(name)


def _by(slot: Slot) -> str:
    return f"{slot.shape[0]} × {slot.shape[1]}"
