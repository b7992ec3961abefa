"""The proofs after a run, X1 to X8, each in a plain sentence."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from core.events import AdapterProven, Event
from core.history import History

NOTABLE_DRIFT = 0.1
"""Nats per token on general text that an adapter may cost before it is worth a look."""


@dataclass(frozen=True)
class Proof:
    """One proof.

    Attributes:
        id: Its number in the list, such as X1.
        holds: Whether it does; None where it could not be tried.
        sentence: What was found.
    """

    id: str
    holds: bool | None
    sentence: str


def proofs_of(events: Iterable[Event], software: Mapping[str, str]) -> list[Proof]:
    """Return the proofs of a run, in the order of the list; none before its adapter was proven.

    Args:
        events: What the run said.
        software: What its run.toml notes of versions and of the base model.
    """
    known = list(events)
    proven = [event for event in known if isinstance(event, AdapterProven)]
    if not proven:
        return []
    return [*_loaded(proven[-1]), *_compared(History(known)), *_after(proven[-1], software)]


def _loaded(event: AdapterProven) -> Iterator[Proof]:
    if event.lost:
        sentence = f"{len(event.lost):,} tensors did not come back from the disk as they were."
        yield Proof("X1", False, sentence)
    else:
        tensors = f"all {event.matched:,} tensors are" if event.matched else "its tensors are"
        yield Proof("X1", True, f"A fresh process loaded the adapter: {tensors} there.")
    changes = event.logit_difference > 0 and not event.zero_modules
    if changes:
        sentence = (
            f"It changes the model: all {event.modules:,} modules learned something, and logits "
            f"differ from the base model's by up to {event.logit_difference:.2f}."
        )
    elif event.zero_modules:
        sentence = f"{len(event.zero_modules):,} of {event.modules:,} modules learned nothing."
    else:
        sentence = "It changes nothing: the logits are those of the base model."
    yield Proof("X2", changes, sentence)
    if event.asked:
        all_stop = event.stopped == event.asked
        more = "" if all_stop else ", the others ran into the limit of their length"
        sentence = f"{event.stopped} of {event.asked} answers stopped by themselves{more}."
        yield Proof("X3", all_stop, sentence)
    else:
        yield Proof("X3", None, "No answers were asked for: the rows have no questions.")
    if event.template:
        same = event.template == "same"
        words = "writes a conversation as" if same else "does not write a conversation as"
        sentence = f"The chat template beside the adapter {words} the model's own does."
        yield Proof("X4", same, sentence)
    else:
        yield Proof("X4", None, "The model has no chat template to keep beside the adapter.")


def _compared(history: History) -> Iterator[Proof]:
    losses, best = history.evaluations["loss"], history.best
    if best is None or len(losses) < 2:
        yield Proof("X5", None, "Nothing was held out: nobody knows which step was best.")
        return
    step, loss = best
    if step == 0:
        sentence = f"No step had a lower validation loss than the {loss:.3f} of the start."
        yield Proof("X5", False, sentence)
        return
    last = float(losses[-1])
    sentence = (
        f"The adapter is that of step {step:,}, the best: validation loss {loss:.3f}, "
        f"{float(losses[0]):.3f} at the start and {last:.3f} at the end."
    )
    yield Proof("X5", True, sentence)


def _after(event: AdapterProven, software: Mapping[str, str]) -> Iterator[Proof]:
    if event.general_before:
        drift = event.general_after - event.general_before
        sentence = (
            f"On general text that it was not trained for the loss is {event.general_after:.3f}, "
            f"{event.general_before:.3f} without the adapter ({drift:+.3f} nats per token)."
        )
        yield Proof("X6", drift <= NOTABLE_DRIFT, sentence)
    else:
        yield Proof("X6", None, "Nobody measured what it has forgotten of general text.")
    yield Proof("X7", None, "A run makes no merged or GGUF file: there is nothing to compare.")
    name, digest = software.get("base_model", ""), software.get("base_sha256", "")
    if digest:
        sentence = f"The base model is written down: {name}, SHA-256 {digest[:12]}…."
        yield Proof("X8", True, sentence)
    else:
        yield Proof("X8", False, "Nobody wrote down which base model it was.")
