"""The numbers and switches of a config.json, which a stranger may have written."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from core.errors import UserError

MAX_SIZE = 1 << 31
MAX_LAYERS = 10_000
HINT = "Choose a language model in the Hugging Face layout, such as a Llama, Qwen or Gemma."
_TEXT_FAMILIES = {"gemma3": "gemma3_text"}  # what a nested part is where it does not say so


@dataclass(frozen=True)
class Config:
    """What config.json says of the language model; Gemma 3 and others nest that.

    Attributes:
        name: The model's name, for the messages.
        family: The `model_type`.
        values: The keys that are there, null among them.
        content: The whole file.
    """

    name: str
    family: str
    values: Mapping[str, Any]
    content: Mapping[str, Any]

    @classmethod
    def of(cls, content: Mapping[str, Any], name: str) -> "Config":
        """Return the part of `content` that describes the language model."""
        nested = content.get("text_config")
        values = nested if isinstance(nested, dict) else content
        family = str(values.get("model_type") or content.get("model_type") or "")
        return cls(name, _TEXT_FAMILIES.get(family, family), values, content)

    @property
    def nested(self) -> bool:
        """It is a part of a model that also sees or hears."""
        return str(self.content.get("model_type") or self.family) != self.family

    @property
    def vision(self) -> "Config":
        """What the file says of the tower that sees; nothing where it is silent."""
        part = self.content.get("vision_config")
        values = part if isinstance(part, dict) else {}
        return Config(self.name, str(values.get("model_type") or ""), values, self.content)

    def filled(self, defaults: Mapping[str, Any]) -> "Config":
        """Return it with `defaults` for the keys that are not there; null stays null."""
        return replace(self, values={**defaults, **self.values})

    @property
    def architectures(self) -> tuple[str, ...]:
        """The classes of transformers that the model was saved as; empty where it is not said."""
        named = self.content.get("architectures")
        return tuple(str(kind) for kind in named) if isinstance(named, list) else ()

    @property
    def architecture(self) -> str:
        """The first of them, or nothing."""
        return next(iter(self.architectures), "")

    @property
    def layers(self) -> int:
        """The number of blocks."""
        return self.size("num_hidden_layers", "n_layer", "num_layers", "n_layers", most=MAX_LAYERS)

    @property
    def heads(self) -> int:
        """The number of heads of queries."""
        return self.size("num_attention_heads", "n_head", "n_heads", "num_heads")

    @property
    def hidden_size(self) -> int:
        """The width of the hidden states."""
        return self.size("hidden_size", "n_embd", "d_model", "n_embed")

    def size(
        self, *keys: str, default: int | None = None, least: int = 1, most: int = MAX_SIZE
    ) -> int:
        """Return the whole number under the first of `keys` that is there and not null.

        Raises:
            UserError: It is no number or an absurd one, or there is none and no default.
        """
        key = next((key for key in keys if self.values.get(key) is not None), None)
        if key is None:
            if default is None:
                raise UserError(f"config.json of {self.name} has no {keys[0]}.", HINT)
            return default
        value = self.values[key]
        if type(value) is not int or not least <= value <= most:
            raise self.wrong(key)
        return value

    def sides(self, key: str, default: int) -> tuple[int, int]:
        """Return height and width of a picture or a patch: a number stands for both.

        Raises:
            UserError: It is neither a number nor two.
        """
        value = self.values.get(key, default)
        both = value if isinstance(value, list) else [value, value]
        if len(both) != 2 or not all(type(side) is int and 0 < side <= MAX_SIZE for side in both):
            raise self.wrong(key)
        return both[0], both[1]

    def share(self, *keys: str) -> float:
        """Return the number from 0 on under the first of `keys` that is there; 0.0 for none.

        Raises:
            UserError: It is no number, or negative.
        """
        key = next((key for key in keys if self.values.get(key) is not None), None)
        if key is None:
            return 0.0
        value = self.values[key]
        if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
            raise self.wrong(key)
        return float(value)

    def flag(self, key: bool | str) -> bool:
        """Return the switch under `key`; off where it is not there. A bool stands for itself."""
        return key if isinstance(key, bool) else bool(self.values.get(key))

    def word(self, *keys: str) -> str:
        """Return the text under the first of `keys` that is there; empty for none.

        Raises:
            UserError: It is no text.
        """
        key = next((key for key in keys if self.values.get(key) is not None), None)
        value = self.values[key] if key else ""
        if not isinstance(value, str):
            raise self.wrong(str(key))
        return value

    def items(self, key: str) -> list[Any] | None:
        """Return the list under `key`, or None where it is not there.

        Raises:
            UserError: It is no list.
        """
        value = self.values.get(key)
        if value is not None and not isinstance(value, list):
            raise self.wrong(key)
        return value

    def wrong(self, key: str) -> UserError:
        """Return the error for a value that cannot be."""
        return UserError(
            f"config.json of {self.name} gives {key} = {self.values.get(key)!r}.", HINT
        )
