"""Sentences about what the spectra of an adapter do not show."""

from core.ranks.stored import StoredAdapter


def notes_of(stored: StoredAdapter, *, trained: bool, since_start: bool) -> tuple[str, ...]:
    """Return the notes of an adapter.

    Args:
        stored: The adapter.
        trained: Whether anything has changed.
        since_start: Whether the start of training was taken off.
    """
    notes = list(stored.notes)
    if stored.family == "ia3":
        notes.append(
            "IA³: learned vectors multiply rows or columns of W. They have no spectrum of their "
            "own; they are listed as they are."
        )
    if since_start:
        notes.append("Change since the start: s·(B·A − B₀·A₀).")
    elif stored.start == "loftq":
        notes.append(
            "Initialised with loftq: s·B·A is the change against the quantized base model. It "
            "makes up for quantization errors as well; training alone is s·(B·A − B₀·A₀), which "
            "needs the adapter as it was at step 0."
        )
    elif stored.start:
        notes.append(
            f"Initialised with {stored.start}, which changed the base model: s·B·A is the change "
            "against that changed base, not what training learned."
        )
    if not trained:
        notes.append("Untrained: s·B·A is zero in every module, so the adapter changes nothing.")
    if stored.ignored:
        count = f"{len(stored.ignored)} further tensor{'s' if len(stored.ignored) > 1 else ''}"
        notes.append(
            f"Left out: {count} that belong to no lora_A and lora_B ({stored.ignored[0]})."
        )
    return tuple(notes)
