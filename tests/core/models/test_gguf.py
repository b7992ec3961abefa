"""The GGUF reader against the `gguf` package, and against broken files."""

import random
from pathlib import Path

import gguf
import numpy as np
import pytest

from core.errors import UserError
from core.models.gguf_header import TYPES, read_gguf
from core.models.gguf_model import hf_name, open_gguf
from core.models.starter import packaged_gguf

LAYERS, HIDDEN, INNER, HEADS, KEYS, VOCAB = 2, 32, 64, 4, 2, 40


def write_tiny(path: Path, *, kind: str = "qwen2", tied: bool = True) -> Path:
    writer = gguf.GGUFWriter(path, kind)
    writer.add_block_count(LAYERS)
    writer.add_context_length(128)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEYS)
    writer.add_license("mit")
    writer.add_chat_template("{{ messages }}")
    writer.add_token_list([f"t{i}" for i in range(VOCAB)])
    writer.add_token_scores([0.5] * 2000)
    for name, shape in shapes(tied=tied).items():
        writer.add_tensor(name, np.zeros(shape, np.float32))
    quantized = gguf.quants.quantize(
        np.zeros((HIDDEN, INNER), np.float32), gguf.GGMLQuantizationType.Q8_0
    )
    writer.add_tensor("blk.1.ffn_down.weight", quantized, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def shapes(*, tied: bool) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (VOCAB, HIDDEN),
        "output_norm.weight": (HIDDEN,),
        "rope_freqs.weight": (4,),
    }
    if not tied:
        found["output.weight"] = (VOCAB, HIDDEN)
    for i in range(LAYERS):
        found[f"blk.{i}.attn_norm.weight"] = (HIDDEN,)
        found[f"blk.{i}.attn_q.weight"] = (HIDDEN, HIDDEN)
        found[f"blk.{i}.attn_q.bias"] = (HIDDEN,)
        found[f"blk.{i}.attn_k.weight"] = (HIDDEN // 2, HIDDEN)
        found[f"blk.{i}.attn_v.weight"] = (HIDDEN // 2, HIDDEN)
        found[f"blk.{i}.attn_output.weight"] = (HIDDEN, HIDDEN)
        found[f"blk.{i}.ffn_norm.weight"] = (HIDDEN,)
        found[f"blk.{i}.ffn_gate.weight"] = (INNER, HIDDEN)
        found[f"blk.{i}.ffn_up.weight"] = (INNER, HIDDEN)
    found["blk.0.ffn_down.weight"] = (HIDDEN, INNER)
    return found


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_tiny(tmp_path / "tiny.gguf")


def test_the_sizes_of_the_types_are_those_of_the_gguf_package() -> None:
    theirs = {int(kind): (kind.name, *size) for kind, size in gguf.GGML_QUANT_SIZES.items()}
    assert {kind: theirs[kind] for kind in TYPES} == dict(TYPES)


def test_agrees_with_the_gguf_package(tiny: Path) -> None:
    header = read_gguf(tiny)
    reader = gguf.GGUFReader(tiny)
    theirs = [
        (t.name, tuple(int(n) for n in reversed(t.shape)), t.tensor_type.name, int(t.n_bytes))
        for t in reader.tensors
    ]
    assert [(t.name, t.shape, t.dtype, t.size_bytes) for t in header.tensors] == theirs
    assert header.metadata["qwen2.block_count"] == LAYERS
    assert header.metadata["tokenizer.chat_template"] == "{{ messages }}"
    assert header.metadata["tokenizer.ggml.tokens"] == VOCAB
    assert header.metadata["tokenizer.ggml.scores"] == 2000


def test_a_model_from_gguf_has_hugging_face_names(tiny: Path) -> None:
    info = open_gguf(tiny, "x.gguf")
    names = {tensor.name for tensor in info.tensors}
    assert {"model.embed_tokens.weight", "model.norm.weight"} <= names
    assert "model.layers.1.self_attn.q_proj.bias" in names
    assert not any("rope" in name or name.startswith("blk") for name in names)
    assert info.grid.by_name["model.layers.0.self_attn.k_proj"].shape == (HIDDEN // 2, HIDDEN)
    assert len(info.grid.modules) == 7 * LAYERS
    assert info.architecture.tied_embeddings
    assert info.architecture.vocab_size == VOCAB
    assert (info.licence, info.has_chat_template, info.dtype) == ("mit", True, "F32")


def test_an_untied_head_is_counted(tmp_path: Path) -> None:
    tied = open_gguf(write_tiny(tmp_path / "a.gguf"), "a")
    untied = open_gguf(write_tiny(tmp_path / "b.gguf", tied=False), "b")
    assert untied.parameters - tied.parameters == VOCAB * HIDDEN
    assert not untied.architecture.tied_embeddings


@pytest.mark.parametrize(
    ("name", "family", "expected"),
    [
        ("blk.3.ffn_norm.weight", "llama", "model.layers.3.post_attention_layernorm.weight"),
        ("blk.3.ffn_norm.weight", "gemma2", "model.layers.3.pre_feedforward_layernorm.weight"),
        ("blk.3.ffn_up.weight", "phi3", "model.layers.3.mlp.gate_up_proj.weight"),
        ("blk.3.attn_qkv.bias", "gpt2", "transformer.h.3.attn.c_attn.bias"),
        ("output.weight", "gpt2", "lm_head.weight"),
        ("blk.3.something.weight", "llama", "blk.3.something.weight"),
    ],
)
def test_names_by_family(name: str, family: str, expected: str) -> None:
    assert hf_name(name, family) == expected


def test_an_unknown_architecture_lists_the_known(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'mamba'") as caught:
        open_gguf(write_tiny(tmp_path / "m.gguf", kind="mamba"), "m")
    assert "llama" in caught.value.hint


def test_a_cut_file_says_how_much_is_missing(tiny: Path) -> None:
    tiny.write_bytes(tiny.read_bytes()[:-1000])
    with pytest.raises(UserError, match=r"tiny\.gguf is cut off: [\d,]+ bytes"):
        read_gguf(tiny)


@pytest.mark.parametrize("content", [b"", b"GGUF", b"GGUF\x03\0\0\0", b"PK\x03\x04" * 9])
def test_garbage_is_a_user_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(content)
    with pytest.raises(UserError, match=r"x\.gguf"):
        read_gguf(tmp_path / "x.gguf")


def test_a_thousand_damaged_headers_never_crash(tiny: Path) -> None:
    whole = tiny.read_bytes()
    dice = random.Random(7)
    refused = 0
    for _ in range(1000):
        mutant = bytearray(whole)
        at = dice.randrange(3000)
        mutant[at : at + 8] = dice.choice([0, 2**31, 2**40, 2**63, 2**64 - 1]).to_bytes(8, "little")
        tiny.write_bytes(mutant)
        try:
            open_gguf(tiny, "mutant")
        except UserError:
            refused += 1
    assert refused > 100


def test_the_starter_is_read_in_less_than_a_tenth_of_a_second() -> None:
    file = packaged_gguf()
    assert file is not None
    open_gguf(file, "starter")
    assert min(open_gguf(file, "starter").read_ms for _ in range(3)) < 100
