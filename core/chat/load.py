"""Loading a base model with an adapter to talk to; worker only."""

from collections.abc import Generator
from pathlib import Path

from core.chat.speaker import Speaker
from core.control import Control
from core.events import Event, Progress
from core.models.load import load_model, load_tokenizer
from core.models.prepare import prepare
from core.models.sources import open_model
from core.ranks import adapter_spectra, check_base, find_adapter
from core.settings import ModelSettings
from core.training.precision import choose_precision


def load_speaker(
    settings: ModelSettings, adapter: str, control: Control
) -> Generator[Event, None, Speaker]:
    """Load the base model, and put the adapter of a PEFT or run folder on it.

    Args:
        settings: The base model and its precision.
        adapter: Where the adapter is; empty for none.
        control: Where a stop will be asked for.

    Raises:
        UserError: There is no such model or adapter, or the adapter was made for another model.
    """
    folder = yield from prepare(settings.source, control)
    info = open_model(settings.source)
    place = find_adapter(Path(adapter)) if adapter else None
    if place is not None:
        check_base(adapter_spectra(place, info), info)
    yield Progress(phase="loading", message=f"Loading {info.name}")
    precision = choose_precision(settings.dtype)
    model = load_model(folder, settings, dtype=precision.dtype, device=str(precision.device))
    if place is not None:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, str(place))
    return Speaker(model, load_tokenizer(folder), has_adapter=place is not None)
