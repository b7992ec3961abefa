"""Models whose tensors only transformers knows: it builds the modules, without any weights.

That takes the seconds of its imports, so it is for the worker and the command line.
"""

import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import UserError
from core.models.architecture import no_decoder, read_architecture, read_dimensions
from core.models.config import Config
from core.models.expected import stored_type
from core.models.families.base import UnknownFamily
from core.models.families.vision import patch_count
from core.models.folder import CONFIG
from core.models.hub_cache import cached_snapshot
from core.models.info import ModelInfo, TensorSpec, is_tower, locate
from core.models.json_file import read_json
from core.models.load import safe_config
from core.models.manifest import main_dtype
from core.models.sources import is_hub_id, local_path, open_model

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

_MOST_LAYERS = 512  # 10,000 blocks take a minute
_SIZES = (
    "num_hidden_layers",
    "hidden_size",
    "num_attention_heads",
    "num_key_value_heads",
    "intermediate_size",
    "vocab_size",
    "max_position_embeddings",
)
_KINDS = (
    "AutoModelForCausalLM",
    "AutoModelForImageTextToText",
    "AutoModelForMaskedLM",
    "AutoModelForImageClassification",
    "AutoModel",
)
_FAILURES = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError)
_KEPT = ("architectures", "quantization_config")
_ATTENTION = re.compile(r"attn|attention", re.IGNORECASE)
_GATED = re.compile(r"\.(gate_proj|gate_up_proj|w3|wi_1)\.")
_BUILT = "transformers built the family {}; its blocks are planned as if they were Llama's."
_HINT = "Put the safetensors files beside config.json; their headers are enough."


def open_or_build(source: str, *, planning: bool = False) -> ModelInfo:
    """Describe a model as `open_model` does, with the help of transformers where that cannot.

    Raises:
        UserError: As `open_model`, or transformers cannot build the model either.
    """
    try:
        return open_model(source, planning=planning)
    except UnknownFamily:
        folder = local_path(source) or (cached_snapshot(source) if is_hub_id(source) else None)
        if folder is None:
            raise
        return build_folder(folder, source, planning=planning)


def build_folder(folder: Path, source: str, *, planning: bool = False) -> ModelInfo:
    """Describe the model of a folder by the modules that its config.json makes.

    Args:
        folder: Holds config.json.
        source: The value of `model.source` that leads here.
        planning: It will not be trained (see `open_folder`).

    Raises:
        UserError: transformers cannot build it, or its blocks are not all attention and MLP.
    """
    content = read_json(folder / CONFIG)
    text = Config.of(content, folder.name)
    if text.layers > _MOST_LAYERS:
        raise UserError(f"{folder.name} has {text.layers:,} blocks, too many to build.", _HINT)
    config = safe_config(folder)
    read = read_dimensions if planning else read_architecture
    shape = read(_spelt(config, content), folder.name)
    model = _model(config, text)
    tensors = _tensors(model, *stored_type(content))
    _check_blocks((spec.name for spec in tensors), shape.layers, folder.name)
    if not shape.known:
        shape = replace(shape, **_seen(model, text))
    if shape.kind != "decoder" and not planning:
        raise no_decoder(folder.name, type(model).__name__)
    return ModelInfo(
        source=source,
        name=folder.name,
        path=str(folder),
        kind="folder",
        architecture=shape,
        tensors=tensors,
        dtype=main_dtype(tensors),
        transposed=any(type(module).__name__ == "Conv1D" for module in model.modules()),
        notes=() if shape.known else (_BUILT.format(shape.family),),
    )


def _spelt(config: "PreTrainedConfig", content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what transformers makes of a config.json, on one level and under the usual keys."""
    text = config.get_text_config()
    sizes = {key: getattr(text, key) for key in _SIZES if getattr(text, key, None) is not None}
    kept = {key: content[key] for key in _KEPT if key in content}
    return {"vocab_size": config.num_labels, **text.to_dict(), **sizes, **kept}


def _model(config: "PreTrainedConfig", text: Config) -> "PreTrainedModel":
    """Build the modules on torch's meta device, which allocates nothing."""
    import torch

    with warnings.catch_warnings(), torch.device("meta"):
        warnings.simplefilter("ignore")
        try:
            return _class(config, text.architecture)(config)
        except _FAILURES as error:
            reason = str(error).strip().partition("\n")[0]
            raise UserError(f"transformers cannot build {text.name}: {reason}", _HINT) from error


def _class(config: "PreTrainedConfig", named: str) -> Callable[..., "PreTrainedModel"]:
    """Return what makes the model: the class that the config names, or the first that takes it."""
    import transformers

    found: Any = getattr(transformers, named, None)
    if isinstance(found, type) and issubclass(found, transformers.PreTrainedModel):
        return found
    for kind in _KINDS:
        auto = getattr(transformers, kind)
        if type(config) in auto._model_mapping:
            make: Callable[..., PreTrainedModel] = auto.from_config
            return make
    raise ValueError(f"it has no class for a {type(config).__name__}")


def _tensors(model: "PreTrainedModel", dtype: str, size: int) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(name, tuple(weight.shape), dtype, size * weight.numel())
        for name, weight in model.named_parameters()
    )


def _check_blocks(names: Iterable[str], layers: int, name: str) -> None:
    """Refuse recurrent and mixed models: what their blocks keep for backward is another story.

    Raises:
        UserError: A block has no attention.
    """
    kinds = (locate(tensor) for tensor in names if not is_tower(tensor))
    attending = {place[0] for place in kinds if place and _ATTENTION.search(place[1])}
    if not attending.issuperset(range(layers)):
        raise UserError(
            f"Not every block of {name} is attention and MLP, which is all that we can plan.",
            "Train it with a small micro-batch and look at the memory that it takes.",
        )


def _seen(model: "PreTrainedModel", text: Config) -> dict[str, Any]:
    """Return the fields of `Architecture` that the modules of an unknown family tell."""
    from torch.nn import LayerNorm, Linear
    from transformers import AutoModelForCausalLM

    modules = [module for name, module in model.named_modules() if locate(name)]
    linear = [module for module in modules if isinstance(module, Linear)]
    writes = type(model.config) in AutoModelForCausalLM._model_mapping
    sees = model.main_input_name == "pixel_values"
    return {
        "kind": "vision" if sees else "decoder" if writes else "encoder",
        "mlp_gated": any(_GATED.search(name) for name, _ in model.named_parameters()),
        "fused_norms": any(isinstance(module, LayerNorm) for module in modules),
        "quantizable": not linear or any(type(module) is Linear for module in linear),
        **({"context_length": patch_count(text) + 1} if sees else {}),
    }
