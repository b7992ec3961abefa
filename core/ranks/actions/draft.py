"""An adapter that is not written yet: every action makes one from others."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from core.errors import UserError
from core.models.info import ModelInfo
from core.ranks.read_adapter import AdapterFiles
from core.ranks.safetensors_file import SafetensorsFile
from core.ranks.spectra import AdapterInfo, AdapterSpectra, plain_name, spectra_of
from core.ranks.stored import StoredAdapter
from core.ranks.update import Decomposition, Update

WIDE = "F32"
_HALVES = ("F16", "BF16")
_KEPT_KEYS = (
    "task_type",
    "fan_in_fan_out",
    "use_dora",
    "bias",
    "modules_to_save",
    "ensure_weight_tying",
)


@dataclass(frozen=True)
class Slot:
    """The place of one module in an adapter.

    Attributes:
        name, shape, rank, scaling, embedding, window: As in `Update`.
    """

    name: str
    shape: tuple[int, int]
    rank: int
    scaling: float = 1.0
    embedding: bool = False
    window: tuple[int, ...] = ()

    @classmethod
    def of(cls, update: Update) -> "Slot":
        """Return the place that an update needs."""
        place = (update.scaling, update.embedding, update.window)
        return cls(update.name, update.shape, update.rank, *place)

    def folded(self, rank: int) -> "Slot":
        """Return the place for other factors, whose scaling stands in B."""
        return replace(self, rank=rank, scaling=1.0)

    @property
    def full_rank(self) -> int:
        """The most components that ΔW can have."""
        return min(self.rank, *self.shape)

    @property
    def parameters(self) -> int:
        """Numbers in B and A."""
        return self.rank * sum(self.shape)


@dataclass(frozen=True)
class Carried:
    """A tensor that stays as it is: a row length of DoRA, a bias, a module saved whole."""

    file: SafetensorsFile
    key: str


@dataclass(frozen=True, eq=False)
class Draft:
    """What an adapter will hold, and how to compute it module by module.

    Attributes:
        name: For people.
        base_model: What it belongs to; may be empty.
        dtype: Number type that its factors will have in the file.
        slots: The modules, in the order of `updates`.
        updates: Computes ΔW of every module anew, one after the other, whenever it is called.
        settings: Entries of adapter_config.json beside ranks and scalings.
        carried: Tensors beside B and A.
        story: What was done to it: rows of the model card.
        obstacle: Why it can be compared, but not be written.
    """

    name: str
    base_model: str
    dtype: str
    slots: tuple[Slot, ...]
    updates: Callable[[], Iterator[Update]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    carried: tuple[Carried, ...] = ()
    story: tuple[tuple[str, str], ...] = ()
    obstacle: UserError | None = None

    @property
    def parameters(self) -> int:
        """Numbers in all factors."""
        return sum(slot.parameters for slot in self.slots)

    @property
    def is_dora(self) -> bool:
        """Whether rows have learned lengths of their own."""
        return bool(self.settings.get("use_dora"))

    def spectra(self) -> AdapterSpectra:
        """Return the singular values of every ΔW."""
        info = AdapterInfo(
            name=self.name,
            base_model=self.base_model,
            rank=max((slot.rank for slot in self.slots), default=0),
            dtype=self.dtype,
            parameters=self.parameters,
        )
        return spectra_of(self.updates(), info)

    def resized(
        self,
        slots: tuple[Slot, ...],
        updates: Callable[[], Iterator[Update]],
        *facts: tuple[str, str],
    ) -> "Draft":
        """Return a draft with other updates, for modules that may be fewer or of other rank."""
        gone = {slot.name for slot in self.slots} - {slot.name for slot in slots}
        carried = tuple(tensor for tensor in self.carried if _owner(tensor.key) not in gone)
        return replace(
            self, slots=slots, updates=updates, carried=carried, story=(*self.story, *facts)
        )


def _owner(key: str) -> str:
    """Return the module that a tensor beside B and A belongs to, as DoRA's row lengths do."""
    return plain_name(key.partition(".lora_")[0])


def rebuilt(update: Update, part: Decomposition) -> Update:
    """Return `part` in balanced factors, kept in the file as `update` is."""
    made = part.balanced()
    return replace(update, b=made.b, a=made.a, scaling=1.0)


def opened(path: Path, *, start: Path | None = None, base: ModelInfo | None = None) -> Draft:
    """Return an adapter of any family that has factors as a draft.

    Args:
        path: A folder of PEFT or Diffusers, a run folder, or a safetensors file.
        start: The adapter as training began, for starts that changed the base model (PiSSA, …);
            what training learned is then an adapter for the base model as it was.
        base: The base model, where shapes are known from it alone (VeRA).

    Raises:
        UserError: There is no adapter, or its ΔW has no factors.
    """
    files = AdapterFiles(path, start=start, base=base)
    stored, info = files.stored, files.info
    settings = {key: value for key in _KEPT_KEYS if (value := stored.description.option(key))}
    magnitudes = [m.keys["magnitude"] for m, _ in stored.modules if "magnitude" in m]
    return Draft(
        name=info.name,
        base_model=info.base_model,
        dtype=info.dtype if info.dtype in _HALVES else WIDE,
        slots=tuple(Slot.of(update) for update in files.updates()),
        updates=files.updates,
        settings=settings,
        carried=tuple(Carried(stored.file, key) for key in (*magnitudes, *stored.ignored)),
        story=(("Made from", f"{info.name} ({info.family}, rank {info.rank})"),),
        obstacle=_obstacle(info.name, stored, since_start=start is not None),
    )


def _obstacle(name: str, stored: StoredAdapter, *, since_start: bool) -> UserError | None:
    """Return why an adapter cannot be written again as B and A, None where it can."""
    option = stored.description.option
    if stored.start and not since_start:
        return UserError(
            f"{name} was initialised with {stored.start}, which changed the base model.",
            "Convert it with the adapter of step 0: `rankscope convert ADAPTER --start STEP_0`.",
        )
    if option("lora_bias"):
        return UserError(
            f"{name} has biases on its B (lora_bias), which are no part of ΔW.",
            "Train without lora_bias to be able to change the adapter afterwards.",
        )
    if option("target_parameters"):
        return UserError(
            f"{name} adapts bare parameters (target_parameters), each for many experts at once.",
            "Such adapters can be shown and compared, not written.",
        )
    if not option("use_dora") and any("magnitude" in module for module, _ in stored.modules):
        return UserError(
            f"{name} is a DoRA adapter in another format than PEFT's.",
            "Convert it to LoRA: `rankscope convert ADAPTER --base MODEL`.",
        )
    return None
