"""The dimensions of a model from its config.json, for all families and their spellings."""

from collections.abc import Callable, Mapping
from typing import Any

from core.errors import UserError
from core.models.config import HINT, Config
from core.models.families import FAMILIES, Family
from core.models.info import Architecture

_CONTEXT = (
    "max_position_embeddings",
    "n_positions",
    "max_seq_len",
    "seq_length",
    "model_max_length",
)
_ACTIVATION = ("hidden_activation", "hidden_act", "activation_function", "activation")
_DROPOUT = ("resid_pdrop", "hidden_dropout", "hidden_dropout_prob", "residual_dropout", "dropout")
_ATTENTION_DROPOUT = ("attn_pdrop", "attention_dropout", "attention_probs_dropout_prob")
_FIELDS: dict[str, Callable[[Config], Any]] = {
    "layers": lambda text: text.layers,
    "hidden_size": lambda text: text.hidden_size,
    "heads": lambda text: text.heads,
    "kv_heads": lambda text: text.size("num_key_value_heads", "num_kv_heads", default=text.heads),
    "head_dim": lambda text: text.size("head_dim", default=max(1, text.hidden_size // text.heads)),
    "intermediate_size": lambda text: text.size("intermediate_size", "ffn_dim"),
    "vocab_size": lambda text: text.size("vocab_size"),
    "context_length": lambda text: text.size(*_CONTEXT, default=2048),
    "tied_embeddings": lambda text: _tied(text),
    "experts": lambda text: _experts(text),
    "experts_per_token": lambda text: (
        text.size("num_experts_per_tok", "moe_topk", default=0, least=0) if _experts(text) else 0
    ),
    "attention_cap": lambda text: text.share("attn_logit_softcapping"),
    "logit_cap": lambda text: text.share("final_logit_softcapping"),
    "activation": lambda text: text.word(*_ACTIVATION) or "silu",
    "dropout": lambda text: text.share(*_DROPOUT),
    "attention_dropout": lambda text: text.share(*_ATTENTION_DROPOUT),
}
"""How the fields of `Architecture` are read that most families spell in one of a few ways."""

_WRITERS = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
_PLANNED = "`rankscope plan` tells what it would need; training is for models that write text."


def read_config(content: Mapping[str, Any], name: str) -> tuple[Config, Family | None]:
    """Return what a config.json says of the language model, with defaults, and its family.

    Raises:
        UserError: It does not say which family it is.
    """
    text = Config.of(content, name)
    if not text.family:
        raise UserError(f"config.json of {name} does not say which family it is.", HINT)
    if text.family not in FAMILIES:
        return text, None
    family = FAMILIES[text.family]
    return text.filled({**(family.sizes if text.nested else {}), **family.defaults}), family


def read_dimensions(content: Mapping[str, Any], name: str) -> Architecture:
    """Return the dimensions that a config.json declares, be it of a model that we train or not.

    Args:
        content: The content of config.json.
        name: The model's name, for the messages.

    Raises:
        UserError: It is an encoder with a decoder, or a needed number is missing or absurd.
    """
    text, family = read_config(content, name)
    if content.get("is_encoder_decoder"):
        raise no_decoder(name, text.architecture or text.family)
    own = family.read(text) if family else _unknown(text)
    usual = {field: read(text) for field, read in _FIELDS.items() if field not in own}
    architecture = Architecture(family=text.family, **usual, **own)
    _check(architecture, text)
    return architecture


def read_architecture(content: Mapping[str, Any], name: str) -> Architecture:
    """Return the dimensions of a model that can be trained.

    Raises:
        UserError: As `read_dimensions`, or it can only be planned: it is no model that writes
            text, its weights are quantized already, or it was published as code.
    """
    architecture = read_dimensions(content, name)
    text, family = read_config(content, name)
    made = text.architectures
    writes = not made or any(kind.endswith(_WRITERS) for kind in made)
    if not writes or architecture.kind != "decoder":
        raise no_decoder(name, text.architecture or text.family)
    if family is not None and family.code_only:
        raise UserError(
            f"{name} needs the code that was published with it, which Rankscope does not run.",
            "Choose a model whose family transformers has; `rankscope plan` plans this one.",
        )
    method = quantization(content)
    if method:
        raise UserError(
            f"The weights of {name} are already quantized ({method}).",
            "Choose the original model: Rankscope quantizes it while loading.",
        )
    return architecture


def quantization(content: Mapping[str, Any]) -> str:
    """Return the method by which the weights are stored quantized; empty where they are not."""
    found = content.get("quantization_config")
    if not found:
        return ""
    method = found.get("quant_method") if isinstance(found, dict) else None
    return str(method or "unknown method")


def no_decoder(name: str, kind: str) -> UserError:
    """Return the error that a model of this kind is not trained here."""
    return UserError(f"{name} is no language model of the decoder kind, but a {kind}.", _PLANNED)


def _tied(text: Config) -> bool:
    """Return whether the head is the table of words: the whole file speaks before its part."""
    whole = text.content.get("tie_word_embeddings")
    return text.flag("tie_word_embeddings") if whole is None else bool(whole)


def _unknown(text: Config) -> dict[str, Any]:
    """Return the fields that are guessed of a family that is not written down."""
    usual = text.size("intermediate_size", "n_inner", "ffn_dim", default=4 * text.hidden_size)
    experts = _experts(text)
    return {
        "known": False,
        "mlp_adaptable": not experts,
        "intermediate_size": text.size("moe_intermediate_size", default=usual)
        if experts
        else usual,
    }


def _experts(text: Config) -> int:
    return text.size("num_local_experts", "num_experts", "n_routed_experts", default=0, least=0)


def _check(a: Architecture, text: Config) -> None:
    """Refuse what no model can be.

    Raises:
        UserError: Heads do not divide, or a token passes more experts than there are.
    """
    own_size = text.values.get("head_dim") is not None or a.key_rank
    problem = ""
    if a.hidden_size % a.heads and not own_size:
        problem = f"{a.heads} heads do not divide {a.hidden_size} hidden states"
    elif a.heads % a.kv_heads:
        problem = f"{a.kv_heads} heads of keys do not divide {a.heads} of queries"
    elif a.experts_per_token > a.experts:
        problem = f"a token passes {a.experts_per_token} of {a.experts} experts"
    if problem:
        raise UserError(f"config.json of {text.name} cannot be true: {problem}.", HINT)
