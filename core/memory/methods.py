"""The methods that are planned side by side."""

from dataclasses import dataclass

from core.errors import UserError
from core.settings import ModelSettings


@dataclass(frozen=True)
class Method:
    """A way to fine-tune, as far as memory is concerned.

    Attributes:
        name: "lora", "qlora" or "full".
        bits: Bits per frozen weight of the blocks.
        double_quant: The scales of the 4-bit blocks are quantized as well.
        label: Name for people.
    """

    name: str
    bits: int
    double_quant: bool
    label: str


METHODS = (
    Method("lora", 16, False, "LoRA 16-bit"),
    Method("qlora", 8, False, "QLoRA 8-bit"),
    Method("qlora", 4, False, "QLoRA 4-bit"),
    Method("qlora", 4, True, "QLoRA 4-bit DQ"),
    Method("full", 16, False, "Full fine-tuning"),
)


def method_of(model: ModelSettings) -> Method:
    """Return the method that these settings train with."""
    double_quant = model.bits == 4 and model.double_quant
    return next(m for m in METHODS if (m.bits, m.double_quant) == (model.bits, double_quant))


def find_methods(name: str, bits: int | None, double_quant: bool | None) -> tuple[Method, ...]:
    """Return the methods called `name` ("" for any) with these bits and scales, where given.

    Raises:
        UserError: There is none.
    """
    found = tuple(
        method
        for method in METHODS
        if name in ("", method.name)
        and bits in (None, method.bits)
        and (double_quant is None or method.bits != 4 or double_quant == method.double_quant)
    )
    if not found:
        what = f"{name} with {bits} bits" if bits else name
        raise UserError(f"There is no method {what}.", "Known: lora, full, qlora with 8 or 4 bits.")
    return found
