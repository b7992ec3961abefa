"""Loads a base model and its tokenizer; worker only.

Nothing that a stranger wrote into a model folder may run: only safetensors, no remote code, and
config.json goes through a filter first (CVE-2026-4372 and its follow-up: an attention
implementation that names a kernel on the hub is code).
"""

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import UserError
from core.models.architecture import read_architecture
from core.models.folder import CONFIG, check_folder
from core.models.info import ModelInfo
from core.models.json_file import read_json
from core.models.weights import read_weights, weight_files
from core.settings import ModelSettings

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

_SUSPICIOUS = re.compile(r"attn_implementation|auto_map|kernel|custom_pipelines", re.IGNORECASE)
_HARMLESS = re.compile(r"^(conv_kernel|.*kernel_size)$")
_PADS = ("<|finetune_right_pad_id|>", "<pad>", "<|pad|>", "[PAD]", "<|endoftext|>")


def load_model(
    model: ModelInfo | Path | str,
    settings: ModelSettings,
    *,
    dtype: "torch.dtype",
    device: str,
) -> "PreTrainedModel":
    """Load the base model in 16, 8 or 4 bits onto one device, in evaluation mode.

    Args:
        model: A folder in the Hugging Face layout (see `prepare`), or its description.
        settings: Bits, double quantization and attention.
        dtype: Number type of the 16-bit weights and of all products.
        device: "cpu", "cuda" or "cuda:1".

    Raises:
        UserError: The folder is broken, or this machine cannot quantize.
    """
    folder = Path(model.path if isinstance(model, ModelInfo) else model)
    _check(folder)
    from transformers import AutoModelForCausalLM
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    config = safe_config(folder)
    loaded: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
        str(folder),
        config=config,
        quantization_config=_quantization(settings, dtype),
        dtype=dtype,
        device_map={"": device},
        attn_implementation=_attention(config, settings.attention),
        trust_remote_code=False,
        use_safetensors=True,
        local_files_only=True,
    )
    if settings.bits == 4 and device == "cpu":
        _keep_trainable(loaded)
    if settings.bits < 16 and device == "cpu":
        _let_go_of_files(loaded)
    return loaded


def _attention(config: "PreTrainedConfig", wanted: str) -> str:
    """Return what the model can do: no kernel of torch caps scores as Gemma 2 does."""
    from transformers import AutoModelForCausalLM

    kind = AutoModelForCausalLM._model_mapping.get(type(config), None)
    return "eager" if kind is not None and not kind._supports_sdpa else wanted


def load_tokenizer(path: Path | str) -> "PreTrainedTokenizerBase":
    """Load the tokenizer of a model folder; it has a padding token without any new embedding.

    Raises:
        UserError: There is none that works without code from the folder.
    """
    from transformers import AutoTokenizer

    folder = Path(path)
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            str(folder), trust_remote_code=False, local_files_only=True
        )
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise UserError(
            f"The tokenizer of {folder.name} cannot be loaded: {error}",
            "Put its tokenizer.json beside the weights.",
        ) from error
    if tokenizer.pad_token_id is None:
        vocabulary = tokenizer.get_vocab()
        tokenizer.pad_token = next((p for p in _PADS if p in vocabulary), tokenizer.eos_token)
    if tokenizer.pad_token_id is None:
        raise UserError(
            f"The tokenizer of {folder.name} has neither a padding nor an end token.",
            "Name one of them in its tokenizer_config.json.",
        )
    return tokenizer


def safe_config(folder: Path) -> "PreTrainedConfig":
    """Return the configuration in `folder` without the keys that could lead to foreign code.

    Raises:
        UserError: The family is unknown to transformers, or a value is of the wrong kind.
    """
    from huggingface_hub.errors import StrictDataclassError
    from transformers import AutoConfig

    content = without_suspicious(read_json(folder / CONFIG))
    family = str(content.pop("model_type", ""))
    try:
        return AutoConfig.for_model(family, **content)
    except (ValueError, TypeError, KeyError, StrictDataclassError) as error:
        raise UserError(
            # Its first sentence: another one may list all that transformers knows.
            f"transformers cannot use the config.json of {folder.name}: {_first(error)}",
            "Choose another model, or a newer Rankscope.",
        ) from error


def without_suspicious(content: Any) -> Any:
    """Return `content` without the keys that name code, at any depth."""
    if isinstance(content, dict):
        return {
            key: without_suspicious(value)
            for key, value in content.items()
            if _HARMLESS.match(key) or not _SUSPICIOUS.search(key)
        }
    if isinstance(content, list):
        return [without_suspicious(item) for item in content]
    return content


def _check(folder: Path) -> None:
    """Say in words what transformers would say in a traceback, or not at all."""
    if folder.is_file():
        raise UserError(f"{folder.name} must be unpacked first.", "Prepare the model, then load.")
    check_folder(folder, folder.name)
    read_architecture(read_json(folder / CONFIG), folder.name)
    files = weight_files(folder)
    if not files:
        raise UserError(f"{folder.name} has no safetensors files.", "Download the model again.")
    read_weights(files)


def _quantization(settings: ModelSettings, dtype: "torch.dtype") -> Any:
    if settings.bits == 16:
        return None
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # one line per layer and cast
    try:
        import bitsandbytes  # noqa: F401
        from transformers import BitsAndBytesConfig
    except (ImportError, OSError, RuntimeError) as error:
        raise UserError(
            f"bitsandbytes does not work on this machine: {error}", "Set model.bits to 16."
        ) from error
    if settings.bits == 8:
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=settings.double_quant,
        bnb_4bit_compute_dtype=dtype,
    )


def _keep_trainable(model: "PreTrainedModel") -> None:
    """Switch off the inference layout of bitsandbytes 0.50 on CPUs with AVX512-BF16.

    Its first forward pass in evaluation mode repacks the weights for a kernel without a backward:
    the training after it would go on with no gradient at all, and without an error.
    """
    from bitsandbytes.nn import Linear4bit

    for module in model.modules():
        if isinstance(module, Linear4bit):
            module.support_avx512bf16_for_cpu = False


def _let_go_of_files(model: "PreTrainedModel") -> None:
    """Copy what was not quantized out of the mapped files, so that these are closed.

    A page of a file that was read counts as memory of the process for as long as one tensor still
    lies in the file, and the embeddings would hold all the 16-bit matrices there.
    """
    from bitsandbytes.nn import Int8Params, Params4bit

    for weight in model.parameters():
        if not isinstance(weight, (Int8Params, Params4bit)):
            weight.data = weight.data.clone()


def _first(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].partition(". ")[0]
