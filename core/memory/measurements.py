"""What runs and probes on this computer have measured, kept beside what was planned for them.

One JSON object per line, only ever appended to, so that two processes can write at once. A line
that is damaged or of another version is passed over: the others still count.
"""

import json
import logging
import platform
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.paths import measurements_file

logger = logging.getLogger(__name__)


class Measurement(BaseModel):
    """A measured peak of memory beside the plan of it (bytes).

    Attributes:
        kind: A whole run, or a probe of two steps.
        name: Of the run.
        model: Name of the base model.
        method: Label of the method, such as LoRA 16-bit.
        machine: Name of the computer in its network: the folder may be on a drive that several use.
        device: Name of the device.
        device_kind: "cuda" or "cpu".
        seconds: When, since the epoch.
        predicted_bytes: What was planned before, for the longest rows.
        measured_bytes: The peak.
        tensor_bytes: The tensors that are planned for the largest micro-batch that went through,
            which is not always one of the longest rows.
        outside_bytes: On a GPU, what the process held outside of torch's allocator; 0: unknown.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: Literal["run", "probe"]
    name: str
    model: str
    method: str
    machine: str = Field(default_factory=platform.node)
    device: str
    device_kind: str
    seconds: float
    predicted_bytes: int = Field(gt=0)
    measured_bytes: int = Field(gt=0)
    tensor_bytes: int = Field(gt=0)
    outside_bytes: int = Field(0, ge=0)


def keep(measurement: Measurement | None) -> None:
    """Add a measurement to the file; a disk that refuses loses it, and nothing else."""
    if measurement is None:
        return
    file = measurements_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # A line that a kill cut short must not spoil the next one: each begins on its own.
        with file.open("ab") as stream:
            line = measurement.model_dump_json()
            stream.write(f"\n{line}\n".encode())
    except OSError:
        logger.exception("a measurement could not be kept")


def kept() -> list[Measurement]:
    """Return what was measured on this computer, oldest first."""
    try:
        lines = measurements_file().read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found = (_read(line) for line in lines if line.strip())
    here = platform.node()
    return [measurement for measurement in found if measurement and measurement.machine == here]


def _read(line: str) -> Measurement | None:
    try:
        return Measurement.model_validate(json.loads(line))
    except (ValueError, ValidationError, RecursionError):
        logger.warning("passed over a line that is no measurement: %.80s", line)
        return None
