"""What a step of the real engine holds on a processor, for rows of any lengths, or evaluated."""

from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedConfig

from core.data.encode import Example
from core.memory.dry_run.bench import Bench
from core.memory.dry_run.compose import Stands, compose
from core.memory.dry_run.config import config_of
from core.memory.dry_run.device import simulated
from core.memory.dry_run.measure import measure
from core.memory.dry_run.ours import OurStep, as_tensors
from core.memory.dry_run.program import Program
from core.memory.dry_run.update import Update
from core.memory.methods import METHODS
from core.memory.stack import OURS
from core.memory.workload import Known
from core.models.info import ModelInfo
from core.settings import RunSettings
from core.training.passage import evaluating

NO_UPDATE = Update(gradients=0, states=0, temporary=0, operator="")


@dataclass(frozen=True)
class Held:
    """Bytes of a step beyond weights and adapter.

    Attributes:
        kept: Held when the decoder is through: what backward will need, and its output.
        peak: The most that is held at once, the gradients of the adapter left out.
    """

    kept: int
    peak: int


class _Evaluation(OurStep):
    def forward(self) -> tuple[None, None]:
        with evaluating(self.passage.model):
            self.passage.loss(self.batch)
        return None, None


def trace(
    info: ModelInfo,
    settings: RunSettings,
    lengths: Sequence[int],
    *,
    prompt: int = 0,
    training: bool = True,
    config: PreTrainedConfig | None = None,
) -> Held:
    """Return what a step over rows of these lengths holds; all types must be named, not auto.

    Args:
        info: A Llama-like model.
        settings: The run.
        lengths: Tokens of each row.
        prompt: How many of a row's tokens are not trained.
        training: Forward and backward; else the forward pass of an evaluation.
        config: What transformers builds it from; None: the dimensions tell.
    """
    packed = settings.training.packing and settings.model.attention != "eager"
    program = Program(
        config=config or config_of(info),
        info=info,
        settings=settings.with_changes({"training.accumulation": 2}),
        method=METHODS[0],
        stack=OURS,
        known=Known(on_cpu=True),
        way="rows" if packed else "padded",
    )
    rows = [
        Example(ids=(1,) * length, trained=(False,) * prompt + (True,) * (length - prompt), row=0)
        for length in lengths
    ]
    batch = as_tensors(rows, packed=packed)
    bench = Bench.of(program)
    model = bench.adapted(range(len(bench.kinds)))
    with simulated("cpu"):
        subject = bench.subject(model)
        kind = OurStep if training else _Evaluation
        attention = program.attention_dtype if packed else None
        step = kind(model, settings, batch, "cpu", attention=attention, flash=False)
        measured = measure(subject, step)
    peak = compose(
        measured, Stands.all(len(bench.kinds)), NO_UPDATE, keeps_gradients=True, library_workspace=0
    )
    return Held(peak.kept, sum(peak.parts.values()) - peak.static)
