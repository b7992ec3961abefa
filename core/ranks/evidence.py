"""What measurements with the base model and data leave behind, as JSON that NumPy reads.

Spectra follow from the files of an adapter alone; everything here was measured in the worker. A
result keeps the numbers per example, per component and per direction, so that the window can ask
for another tolerance, threshold or share without loading a model again.
"""

from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

from core.ranks.metrics import Array


def _array(value: Any) -> Array:
    """Return finite float64 numbers.

    Raises:
        ValueError: One of them is NaN or infinity.
    """
    numbers = np.asarray(value, np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError("Should hold finite numbers")
    return numbers


Numbers = Annotated[Array, BeforeValidator(_array), PlainSerializer(lambda array: array.tolist())]
"""An array of finite numbers; a list in JSON."""


class Evidence(BaseModel):
    """A frozen result; `model_dump_json` and `model_validate_json` give it back exactly.

    Two are equal if they are the same object: arrays have no single truth value.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", arbitrary_types_allowed=True)

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other
