"""ViT, which looks at patches of a picture, and the SigLIP tower in front of Gemma 3."""

from typing import Any

from core.models.config import Config
from core.models.families.base import (
    FAMILIES,
    Block,
    Family,
    Layout,
    Shapes,
    UnknownFamily,
    linear,
    norm,
    table,
)
from core.models.info import Architecture

_LABELS = 2  # of a config that names none


def _layout(text: Config, a: Architecture) -> Layout:
    made = text.architecture or "ViTForImageClassification"
    if made not in ("ViTForImageClassification", "ViTModel"):
        raise UnknownFamily.of(f"the head of {made}")
    stem = "" if made == "ViTModel" else "vit."
    hidden = a.hidden_size
    if made == "ViTModel":
        pooled = text.size("pooler_output_size", default=hidden)
        head = linear("pooler.dense", pooled, hidden, bias=True)
    else:
        head = linear("classifier", a.vocab_size, hidden, bias=True)
    return Layout(
        before=(
            (f"{stem}embeddings.cls_token", (1, 1, hidden)),
            (f"{stem}embeddings.position_embeddings", (1, a.context_length, hidden)),
            *_patches(text, f"{stem}embeddings.patch_embeddings.projection", hidden),
        ),
        stem=f"{stem}layers",
        blocks=[_block(a, bias=text.flag("qkv_bias"))] * a.layers,
        after=(*norm(f"{stem}layernorm", hidden, bias=True), *head),
    )


def _block(a: Architecture, *, bias: bool) -> Block:
    hidden, inner = a.hidden_size, a.intermediate_size
    return (
        *linear("attention.q_proj", hidden, hidden, bias=bias),
        *linear("attention.k_proj", hidden, hidden, bias=bias),
        *linear("attention.v_proj", hidden, hidden, bias=bias),
        *linear("attention.o_proj", hidden, hidden, bias=True),
        *norm("layernorm_before", hidden, bias=True),
        *norm("layernorm_after", hidden, bias=True),
        *linear("mlp.fc1", inner, hidden, bias=True),
        *linear("mlp.fc2", hidden, inner, bias=True),
    )


def _patches(text: Config, name: str, hidden: int) -> Shapes:
    """Yield the convolution that turns a patch into hidden states."""
    channels = text.size("num_channels", default=3)
    yield f"{name}.weight", (hidden, channels, *text.sides("patch_size", 16))
    yield f"{name}.bias", (hidden,)


def patch_count(text: Config) -> int:
    """Return how many patches a picture is cut into.

    Raises:
        UserError: A patch is larger than the picture.
    """
    (height, width), (down, across) = text.sides("image_size", 224), text.sides("patch_size", 16)
    if down > height or across > width:
        raise text.wrong("patch_size")
    return (height // down) * (width // across)


def _read(text: Config) -> dict[str, Any]:
    """Return labels in the place of words, and patches with one more in the place of tokens."""
    named = text.values.get("id2label")
    labels = len(named) if isinstance(named, dict) and named else _LABELS
    return {
        "kind": "vision",
        "mlp_gated": False,
        "fused_norms": True,
        "positions": "learned",
        "vocab_size": text.size("num_labels", default=labels),
        "context_length": patch_count(text) + 1,
        "tied_embeddings": False,
    }


def siglip(vision: Config, hidden: int) -> Shapes:
    """Yield the tensors of Gemma 3's tower and of what leads from it into `hidden` states.

    Raises:
        UnknownFamily: It is another tower.
    """
    if vision.family not in ("", "siglip_vision_model") or vision.flag("vision_use_head"):
        raise UnknownFamily.of(f"the tower {vision.family}")
    width, inner = (
        vision.size("hidden_size", default=768),
        vision.size("intermediate_size", default=3072),
    )
    tower = "model.vision_tower"
    yield from _patches(vision, f"{tower}.embeddings.patch_embedding", width)
    yield from table(f"{tower}.embeddings.position_embedding", patch_count(vision), width)
    block = (
        *norm("layer_norm1", width, bias=True),
        *(t for x in "kvq" for t in linear(f"self_attn.{x}_proj", width, width, bias=True)),
        *linear("self_attn.out_proj", width, width, bias=True),
        *norm("layer_norm2", width, bias=True),
        *linear("mlp.fc1", inner, width, bias=True),
        *linear("mlp.fc2", width, inner, bias=True),
    )
    for layer in range(vision.filled({"num_hidden_layers": 12}).layers):
        yield from ((f"{tower}.encoder.layers.{layer}.{name}", shape) for name, shape in block)
    yield from norm(f"{tower}.post_layernorm", width, bias=True)
    yield "model.multi_modal_projector.mm_input_projection_weight", (width, hidden)
    yield from norm("model.multi_modal_projector.mm_soft_emb_norm", width)


FAMILIES.register("vit")(
    Family(
        layout=_layout,
        defaults={"qkv_bias": True, "hidden_act": "gelu"},
        read=_read,
        prefix="vit",
    )
)
