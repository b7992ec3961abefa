"""The mean loss over the held-out rows."""

from collections.abc import Generator

from core.events import Progress
from core.training.micro_batch import Layout
from core.training.passage import Passage, evaluating
from core.training.requests import Requests
from core.training.trainee import Trainee, trained_tokens


def evaluate(
    trainee: Trainee, passage: Passage, layout: Layout, requests: Requests
) -> Generator[Progress, None, float]:
    """Return the mean cross-entropy over the trained tokens of all held-out rows, in nats.

    The rows go the way of training, in micro-batches no larger than its, so that an evaluation
    never needs more memory; rows of similar length go together, which changes no sum.

    Raises:
        Halt: A stop or a pause was asked for.
    """
    rows = sorted(trainee.held_out, key=lambda example: len(example.ids))
    device = trainee.precision.device
    total, done = 0.0, 0
    for part in layout.split(rows):
        requests.check()
        with evaluating(trainee.model):
            total += float(passage.loss(layout.tensors(part).to(device)).cross_entropy)
        done += len(part)
        message = f"Held-out rows: {len(rows)}"
        yield Progress(phase="evaluating", message=message, share=done / len(rows))
    return total / trained_tokens(rows)
