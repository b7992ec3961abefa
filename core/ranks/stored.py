"""What a format makes of an adapter's files: modules with their families, and the rest."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.errors import UserError
from core.ranks.families import FAMILIES, Description, Family, StoredModule
from core.ranks.safetensors_file import SafetensorsFile

Placed = tuple[str, str]
"""Module and part of a key."""


@dataclass(frozen=True)
class StoredAdapter:
    """An adapter whose headers are checked and whose matrices are not read yet.

    Attributes:
        modules: With the family that understands them.
        ignored: Keys that change something else than an adapted matrix, such as a whole layer.
        family: "lora", "rslora", "dora" or a name in `FAMILIES`.
        start: How B·A was initialised, where that changed the base model ("pissa", …), or "".
        notes: Sentences about what the numbers do not show.
    """

    file: SafetensorsFile
    modules: tuple[tuple[StoredModule, type[Family]], ...]
    description: Description
    ignored: tuple[str, ...]
    family: str
    base_model: str = ""
    rank: int = 0
    alpha: float = 0.0
    start: str = ""
    notes: tuple[str, ...] = ()


def grouped(placed: Iterable[tuple[Placed, str]]) -> dict[str, dict[str, str]]:
    """Return keys by module and part.

    Raises:
        UserError: Two keys stand for the same part.
    """
    modules: dict[str, dict[str, str]] = {}
    for (module, part), key in placed:
        parts = modules.setdefault(module, {})
        if part in parts:
            raise UserError(
                f"{parts[part]} and {key} are both {part} of {module}.",
                "The file was put together from several; save one adapter to a file.",
            )
        parts[part] = key
    return modules


def family_of(name: str, parts: Mapping[str, str], choice: Iterable[str]) -> type[Family]:
    """Return the family among `choice` that has all of the parts.

    Raises:
        UserError: There is none; the message names a key.
    """
    for family in (FAMILIES[known] for known in choice):
        if family.own & set(parts) and set(parts) <= family.own | family.also:
            return family
    raise UserError(
        f"The tensors of {name} fit no family of adapters: {', '.join(sorted(parts))} "
        f"(as in {next(iter(parts.values()))}).",
        f"Known families: {', '.join(FAMILIES[known].title for known in choice)}.",
    )


def nothing_found(file: SafetensorsFile, wanted: str) -> UserError:
    """Return the error for a file without an adapter."""
    first = next(iter(file.tensors), "")
    example = f" (its first tensor is {first})" if first else ""
    return UserError(
        f"{file.path.name} holds no {wanted}{example}.",
        "The Ranks page opens adapters in the formats of PEFT, Diffusers, kohya and LyCORIS.",
    )
